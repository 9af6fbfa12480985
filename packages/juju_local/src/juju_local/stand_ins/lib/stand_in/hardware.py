"""lspci and nvidia-smi: the graphics cards that machine.json gives this machine."""

from __future__ import annotations

from . import core

CARDS = {
    'nvidia': 'NVIDIA Corporation GK210GL [Tesla K80] (rev a1)',
    'amd': 'Advanced Micro Devices, Inc. [AMD/ATI] Vega 10 [Radeon Instinct MI25]',
    'intel': 'Intel Corporation HD Graphics 530 (rev 06)',
}
NUMBERS = {'nvidia': '10de:102d', 'amd': '1002:6860', 'intel': '8086:1912'}
BASE = [
    '00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)',
    '00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device',
]
SMI_FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    'Make sure that the latest NVIDIA driver is installed and running.\n'
)


def main(program: str, arguments: list[str]) -> int:
    """Run one of the two."""
    gpus: list[str] = core.machine().get('gpus', [])
    return _lspci(gpus, arguments) if program == 'lspci' else _nvidia_smi(gpus, arguments)


def _lspci(gpus: list[str], arguments: list[str]) -> int:
    if {'-n'} & set(arguments):
        return _numbers(gpus)
    for line in BASE if '-d' not in arguments else []:
        core.say(line)
    for index, gpu in enumerate(gpus):
        numbers = f' [{NUMBERS.get(gpu, "0000:0000")}]' if '-nn' in arguments else ''
        kind = 'VGA compatible controller' if gpu == 'intel' else '3D controller'
        core.say(f'00:{index + 0x1E:02x}.0 {kind}: {CARDS.get(gpu, gpu)}{numbers}')
    return 0


def _numbers(gpus: list[str]) -> int:
    """`lspci -n`: address, class, vendor and device."""
    core.say('00:00.0 0600: 8086:1237 (rev 02)\n00:03.0 0200: 1af4:1000')
    for index, gpu in enumerate(gpus):
        core.say(f'00:{index + 0x1E:02x}.0 {"0300" if gpu == "intel" else "0302"}: {NUMBERS.get(gpu, "0000:0000")}')
    return 0


def _nvidia_smi(gpus: list[str], arguments: list[str]) -> int:
    cards = [gpu for gpu in gpus if gpu == 'nvidia']
    if not cards:
        core.say(SMI_FAILED)
        return 9
    if {'-L', '--list-gpus'} & set(arguments):
        for index in range(len(cards)):
            core.say(f'GPU {index}: Tesla K80 (UUID: GPU-00000000-0000-0000-0000-{index:012d})')
    elif any(word.startswith('--query-gpu') for word in arguments):
        for _ in cards:
            core.say('Tesla K80')
    else:
        core.say('| NVIDIA-SMI 525.60.13    Driver Version: 525.60.13    CUDA Version: 12.0     |')
        for index in range(len(cards)):
            core.say(
                f'|   {index}  Tesla K80           Off  | 00000000:00:{index + 0x1E:02X}.0 Off |                    0 |'
            )
    return 0
