"""Where things lie on a worker; the same places as in the public charms."""

ROOT = '/root/cdk'
CA = f'{ROOT}/ca.crt'
SERVER_CERTIFICATE = f'{ROOT}/server.crt'
SERVER_KEY = f'{ROOT}/server.key'
KUBELET_KUBECONFIG = f'{ROOT}/kubeconfig'
PROXY_KUBECONFIG = f'{ROOT}/kubeproxyconfig'
KUBELET_CONFIG = f'{ROOT}/kubelet/config.yaml'
PROXY_CONFIG = f'{ROOT}/kube-proxy/config.yaml'
ROOT_KUBECONFIG = '/root/.kube/config'
UBUNTU_KUBECONFIG = '/home/ubuntu/.kube/config'
CNI_PLUGINS = '/opt/cni/bin'
CPU_MANAGER_STATE = '/var/lib/kubelet/cpu_manager_state'
RUNTIME_ENVIRONMENT = f'{ROOT}/runtime.env'
LEGACY_INGRESS = f'{ROOT}/addons/ingress-daemon-set.yaml'  # public revisions of the charm write it
LEGACY_REGISTRY = f'{ROOT}/addons/registry.yaml'
CONTAINERD_CONFIG = '/etc/containerd/config.toml'
DOCKER_LOGINS = '/root/.docker/config.json'
