"""etcd: where the API server keeps its data, and the certificate it is let in with."""

from charmhelpers.core import unitdata
from charms import leadership
from charms.layer.kubernetes_common import files
from charms.layer.kubernetes_master import daemons
from charms.reactive import clear_flag, endpoint_from_flag, is_flag_set, set_flag, when

PARTS = {'ca': 'client_ca', 'key': 'client_key', 'cert': 'client_cert'}


@when('etcd.tls.available')
def save_etcd():
    """Write etcd's certificates and remember its address; what is known stays when etcd is gone for a while."""
    if is_flag_set('kubernetes-master.etcd.saved') and not is_flag_set('endpoint.etcd.changed'):
        return
    etcd = endpoint_from_flag('etcd.tls.available')
    credentials = etcd.get_client_credentials()
    for part, key in PARTS.items():
        files.write(daemons.ETCD[part], credentials[key].strip() + '\n')
    backend = 'etcd3' if etcd.version().startswith('3.') else 'etcd2'
    unitdata.kv().set('kubernetes-master.etcd', {'servers': etcd.get_connection_string(), 'backend': backend})
    set_flag('kubernetes-master.etcd.saved')
    clear_flag('endpoint.etcd.changed')


@when('kubernetes-master.etcd.saved', 'leadership.is_leader')
def choose_backend():
    """Fix for all masters how data is stored: it cannot change later."""
    if not leadership.leader_get('auto_storage_backend'):
        leadership.leader_set({'auto_storage_backend': unitdata.kv().get('kubernetes-master.etcd')['backend']})
