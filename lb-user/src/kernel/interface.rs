//! The host's network interfaces, and XDP programs on them.
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;

use aya::programs::links::FdLink;
use aya::programs::{ProgramError, Xdp, XdpMode};
use lb_common::packet::Address;
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

use super::{KernelError, netdev};

/// Where on an interface's receive path the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the driver, before the kernel has spent anything on the packet. Where the hardware takes VLAN tags off (`ethtool -K …
    /// rxvlan on`) the gate does not see them, and what it refuses is answered without.
    Native,
    /// In the kernel's stack: with every driver, but later.
    Generic,
    /// Nowhere.
    Off,
    /// Native where the driver can and can also transmit answers from there, generic elsewhere.
    Auto,
}

/// A program on an interface, for as long as this value lives: the kernel detaches it when its last descriptor closes, also when we
/// are killed.
#[derive(Debug)]
pub struct Attachment {
    /// The interface's index. Its name may come to mean another interface.
    pub index: u32,
    pub native: bool,
    _link: FdLink,
}

/// Attaches a loaded program to an interface, or answers `None` where the mode is off.
pub fn attach(program: &mut Xdp, interface: &str, mode: Mode) -> Result<Option<Attachment>, KernelError> {
    if mode == Mode::Off {
        return Ok(None);
    }
    let index = index(interface)?;
    let modes: &[XdpMode] = match mode {
        Mode::Native => &[XdpMode::Driver],
        Mode::Auto if serves_natively(interface, index) => &[XdpMode::Driver, XdpMode::Skb],
        _ => &[XdpMode::Skb],
    };
    let mut refusal = None;
    for &mode in modes {
        match attach_in(program, interface, index, mode) {
            Ok(attachment) => return Ok(Some(attachment)),
            Err(busy @ KernelError::Busy { .. }) => return Err(busy),
            Err(error) => refusal = Some(error),
        }
    }
    refusal.map_or(Ok(None), Err)
}

fn attach_in(program: &mut Xdp, interface: &str, index: u32, mode: XdpMode) -> Result<Attachment, KernelError> {
    let link = program
        .attach_to_if_index(index, mode)
        .and_then(|id| program.take_link(id))
        .map_err(|error| refusal(interface, mode, &error))?;
    Ok(Attachment {
        index,
        native: mode == XdpMode::Driver,
        // Without BPF links (before Linux 5.9) aya attaches by netlink, which would outlive us if we are killed.
        _link: FdLink::try_from(link).map_err(|_| KernelError::Attach {
            interface: interface.to_owned(),
            mode: mode_name(mode),
            why: "this kernel has no BPF links for XDP".to_owned(),
        })?,
    })
}

fn refusal(interface: &str, mode: XdpMode, error: &ProgramError) -> KernelError {
    let interface = interface.to_owned();
    let cause = match error {
        ProgramError::SyscallError(error) => Some(&error.io_error),
        _ => None,
    };
    match cause.and_then(io::Error::raw_os_error) {
        Some(libc::EBUSY | libc::EEXIST) => KernelError::Busy { interface },
        _ => KernelError::Attach {
            interface,
            mode: mode_name(mode),
            why: cause.map_or_else(|| error.to_string(), io::Error::to_string),
        },
    }
}

fn mode_name(mode: XdpMode) -> &'static str {
    if mode == XdpMode::Driver { "native" } else { "generic" }
}

/// The index of the interface of that name in this thread's network namespace.
pub fn index(interface: &str) -> Result<u32, KernelError> {
    let missing = || KernelError::NoInterface {
        interface: interface.to_owned(),
    };
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).map_err(|_| missing())?;
    netdevice::name_to_index(&socket, interface).map_err(|_| missing())
}

/// This host's own addresses, each with its interface.
pub fn addresses() -> Result<Vec<if_addrs::Interface>, KernelError> {
    if_addrs::get_if_addrs().map_err(KernelError::Addresses)
}

/// This host's own addresses with the indices of their interfaces, as the gate's map has them.
pub fn local_addresses() -> Result<BTreeMap<Address, u32>, KernelError> {
    let address = |interface: if_addrs::Interface| (Address::from(interface.ip()), interface.index.unwrap_or(0));
    Ok(addresses()?.into_iter().map(address).collect())
}

/// Whether native XDP is worth a try. A virtual Ethernet has it, but loses what it is given to transmit unless its peer runs native
/// XDP too.
fn serves_natively(interface: &str, index: u32) -> bool {
    netdev::runs_native_xdp(index) != Some(false) && driver(interface).is_ok_and(|driver| driver != "veth")
}

/// The name of the interface's driver (`ETHTOOL_GDRVINFO`).
pub fn driver(interface: &str) -> io::Result<String> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: both are plain structures of integers and bytes, for which zero is valid.
    let (mut request, mut info): (libc::ifreq, DriverInfo) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // One byte less, so that the name stays terminated.
    let room = libc::IFNAMSIZ - 1;
    for (target, byte) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *target = byte as libc::c_char;
    }
    info.command = ETHTOOL_GDRVINFO;
    request.ifr_ifru.ifru_data = (&raw mut info).cast();
    // SAFETY: the request names an interface and points to a structure of the size that the command fills.
    if unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let name = info.driver.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GDRVINFO: u32 = 3;

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}
