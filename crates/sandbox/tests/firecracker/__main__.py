"""In the place of Firecracker where there is none, nor KVM: takes the words and the settings that it takes, and boots them in QEMU.

It refuses what Firecracker's own definitions refuse, by `definitions.json`, and then the machine is a real one: virtio by MMIO and
ACPI, a kernel as an ELF program, disks by virtio-blk, and sockets by `vhost-device-vsock`, whose rules of names are Firecracker's.
What it shows: that our settings are taken, that a guest comes up with those devices, and all that goes over them. What it does not:
anything of Firecracker's own program, of its filters, and of KVM.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import zipfile

VERSION = "1.13.1-standin"
# Exit codes of Firecracker.
BAD_CONFIGURATION = 152
ARGUMENTS = 153
SOCKET_WITHIN = 30
TYPES = {"string": str, "boolean": bool, "integer": int, "object": dict}


def end(code, said):
    print(f"Error: {said}", file=sys.stderr)
    sys.exit(code)


def own(name):
    """A file of this archive."""
    with zipfile.ZipFile(sys.argv[0]) as archive:
        return archive.read(name)


def check(value, wanted, definitions, where):
    """Ends the program where `value` is not as a definition wants it."""
    if isinstance(wanted, str):
        wanted = definitions[wanted]
    if wanted is None:
        end(BAD_CONFIGURATION, f"{where}: this stand-in does not do that")
    if isinstance(wanted, list):
        if not isinstance(value, list):
            end(BAD_CONFIGURATION, f"Invalid JSON: {where}: expected a sequence")
        for item in value:
            check(item, wanted[0], definitions, where)
        return
    kind = TYPES[wanted["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        end(BAD_CONFIGURATION, f"Invalid JSON: {where}: expected {wanted['type']}")
    if "enum" in wanted and value not in wanted["enum"]:
        end(BAD_CONFIGURATION, f"Invalid JSON: {where}: unknown variant {value}")
    if kind is int and not wanted.get("minimum", value) <= value <= wanted.get("maximum", value):
        end(BAD_CONFIGURATION, f"{where}: {value} is out of range")
    if kind is dict:
        for name in wanted["required"]:
            if name not in value:
                end(BAD_CONFIGURATION, f"Invalid JSON: {where}: missing field `{name}`")
        for name, field in value.items():
            if name not in wanted["properties"]:
                end(BAD_CONFIGURATION, f"Invalid JSON: {where}: unknown field `{name}`")
            check(field, wanted["properties"][name], definitions, f"{where}.{name}")


def settings(path):
    try:
        value = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        end(BAD_CONFIGURATION, f"Unable to open or read from the configuration file: {error}")
    definitions = json.loads(own("definitions.json"))
    check(value, "FullVmConfiguration", definitions, "settings")
    boot = value["boot-source"]
    for name in ("kernel_image_path", "initrd_path"):
        if name in boot and not os.access(boot[name], os.R_OK):
            end(BAD_CONFIGURATION, f"boot-source.{name}: {boot[name]} cannot be opened")
    with open(boot["kernel_image_path"], "rb") as kernel:
        if kernel.read(4) != b"\x7fELF":
            end(BAD_CONFIGURATION, "Invalid kernel: not an ELF program")
    for drive in value["drives"]:
        if not os.access(drive["path_on_host"], os.R_OK if drive["is_read_only"] else os.R_OK | os.W_OK):
            end(BAD_CONFIGURATION, f"Unable to create the block device: {drive['path_on_host']}")
    if "vsock" in value and os.path.exists(value["vsock"]["uds_path"]):
        end(BAD_CONFIGURATION, "Cannot create backend for vsock device: Address in use")
    return value


def arguments():
    parser = argparse.ArgumentParser(prog="firecracker", allow_abbrev=False, exit_on_error=False, add_help=False)
    for word in ("--api-sock", "--id", "--seccomp-filter", "--start-time-us", "--start-time-cpu-us", "--parent-cpu-time-us",
                 "--config-file", "--metadata", "--log-path", "--level", "--module", "--metrics-path", "--describe-snapshot",
                 "--http-api-max-payload-size", "--mmds-size-limit"):
        parser.add_argument(word)
    for word in ("--no-api", "--no-seccomp", "--show-level", "--show-log-origin", "--boot-timer", "--version", "--snapshot-version",
                 "--enable-pci", "--help"):
        parser.add_argument(word, action="store_true")
    try:
        words, others = parser.parse_known_args()
    except argparse.ArgumentError as error:
        end(ARGUMENTS, f"Arguments parsing error: {error}")
    if others:
        end(ARGUMENTS, f"Arguments parsing error: Found argument '{others[0]}' which wasn't expected")
    if words.no_api and not words.config_file:
        end(ARGUMENTS, "Arguments parsing error: Argument 'config-file' required, but not found.")
    if words.level and words.level.lower() not in ("error", "warning", "warn", "info", "debug", "trace", "off"):
        end(BAD_CONFIGURATION, f"Invalid value for logger level: {words.level}")
    return words


def sockets(vsock):
    """Starts the device of the sockets; gives it and where QEMU finds it."""
    program = os.memfd_create("vhost-device-vsock", 0)
    with open(program, "wb", closefd=False) as file:
        file.write(own("vhost-device-vsock"))
    # By another name than a descriptor that is open for writing: such a program cannot be run.
    readable = os.open(f"/proc/self/fd/{program}", os.O_RDONLY)
    os.close(program)
    place = "/tmp/vhost"
    words = ["--guest-cid", str(vsock["guest_cid"]), "--socket", place, "--uds-path", vsock["uds_path"]]
    device = subprocess.Popen([f"/proc/self/fd/{readable}", *words], pass_fds=[readable], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL)
    until = time.monotonic() + SOCKET_WITHIN
    while not os.path.exists(place):
        if device.poll() is not None or time.monotonic() > until:
            end(BAD_CONFIGURATION, "the device of the sockets did not start")
        time.sleep(0.01)
    return device, place


def khz():
    """How fast the processor's clock runs: translated, this machine has no other by which the kernel could measure it."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        found = next((line for line in lines if line.startswith("cpu MHz")), "cpu MHz : 2000")
    return int(float(found.split(":")[1]) * 1000)


def machine(value, vhost):
    boot, config = value["boot-source"], value.get("machine-config", {"vcpu_count": 1, "mem_size_mib": 128})
    memory = config["mem_size_mib"]
    # The machine has no controller of a keyboard by which it could be reset, and its clock must be told.
    told = f"{boot.get('boot_args', '')} pci=off reboot=t tsc_early_khz={khz()}"
    words = ["qemu-system-x86_64", "-M", "microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,memory-backend=memory",
             "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "max", "-smp", str(config["vcpu_count"]), "-m", f"{memory * 1024}K",
             "-object", f"memory-backend-memfd,id=memory,size={memory}M,share=on", "-nodefaults", "-no-user-config", "-no-reboot",
             "-display", "none", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
             "-kernel", boot["kernel_image_path"], "-append", told]
    if "initrd_path" in boot:
        words += ["-initrd", boot["initrd_path"]]
    if vhost:
        words += ["-chardev", f"socket,id=vsock,path={vhost}", "-device", "vhost-user-vsock-device,chardev=vsock"]
    for drive in value["drives"]:
        mode = "on" if drive["is_read_only"] else "off"
        words += ["-blockdev", f"driver=raw,node-name={drive['drive_id']},read-only={mode},file.driver=file,file.locking=off,"
                               f"file.filename={drive['path_on_host']}", "-device", f"virtio-blk-device,drive={drive['drive_id']}"]
    return words


def main():
    words = arguments()
    if words.version:
        print(f"Firecracker v{VERSION}\n")
        return 0
    if not words.no_api:
        end(ARGUMENTS, "this stand-in has no API: --no-api --config-file FILE")
    value = settings(words.config_file)
    device, vhost = sockets(value["vsock"]) if "vsock" in value else (None, None)
    process = subprocess.Popen(machine(value, vhost), stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    if device:
        device.kill()
        device.wait()
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
