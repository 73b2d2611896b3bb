//! Between the guest's pipes and the channels of its device.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::super::hypervisor::Device;
use super::super::wire;
use crate::sys::vsock;

/// One channel; reading and writing do not disturb each other.
pub(super) type Channel = Arc<File>;

/// All channels of the machine, by name.
pub(super) struct Channels(BTreeMap<String, Channel>);

impl Channels {
    pub(super) fn open(device: Device) -> io::Result<Self> {
        match device {
            Device::Serial => Self::ports(),
            Device::Vsock => Self::sockets(),
        }
    }

    fn sockets() -> io::Result<Self> {
        let names = wire::channels().into_iter();
        let all = names.zip(wire::FIRST_PORT..).map(|(name, port)| {
            let file = File::from(vsock::connect(port)?);
            Ok((name, Arc::new(file)))
        });
        Ok(Self(all.collect::<io::Result<_>>()?))
    }

    fn ports() -> io::Result<Self> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir("/sys/class/virtio-ports")? {
            let entry = entry?;
            let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            let device = Path::new("/dev").join(entry.file_name());
            let file = OpenOptions::new().read(true).write(true).open(device)?;
            all.insert(name.trim_end().to_owned(), Arc::new(file));
        }
        Ok(Self(all))
    }

    pub(super) fn get(&self, name: &str) -> io::Result<Channel> {
        let found = self.0.get(name).map(Arc::clone);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Copies to the end, and says that it is the end.
pub(super) fn to_host(mut from: impl Read, channel: &Channel) {
    let mut buffer = vec![0; wire::MAX_CHUNK / 2];
    loop {
        match from.read(&mut buffer) {
            Ok(read @ 1..) => {
                if wire::put(&**channel, &buffer[..read]).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let _ = wire::put(&**channel, &[]);
}

/// Copies to the end that the host says. What nobody takes any more is read all the same, so that
/// the next use of the channel begins where it should.
pub(super) fn from_host(channel: &Channel, mut to: impl Write) {
    let mut is_taken = true;
    while let Ok(Some(chunk)) = wire::take(&**channel) {
        is_taken = is_taken && to.write_all(&chunk).is_ok();
    }
}
