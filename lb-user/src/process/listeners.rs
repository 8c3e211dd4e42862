//! Binding the addresses of the configuration.

use std::io;
use std::mem::size_of;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockRef, Socket, Type};

use super::inherit::Inherited;
use crate::config::source::reason;
use crate::kernel::KernelError;
use crate::kernel::placement::{Endpoint, Listening};
use crate::kernel::steer::{Groups, Lookup, Role, Table};
use crate::plan::bind::BindOptions;
use crate::plan::global::Tune;
use crate::plan::{Bind, BindAddress, Plan};
use crate::runtime::namespace;
use crate::state::{ListenerId, ProxyId};

/// Connections waiting to be accepted, where nothing says how many (manual: `backlog` follows `maxconn`).
const DEFAULT_BACKLOG: u32 = 1024;

/// Whom a listening socket serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Frontend(ListenerId),
    /// The runtime API, by position of the `stats socket` line.
    Cli(usize),
    /// The master's runtime API, by position of the `-S` option.
    MasterCli(usize),
}

/// One address, bound and listening.
#[derive(Debug)]
pub struct Bound {
    pub owner: Owner,
    pub address: BindAddress,
    /// One socket for each worker, or a single one that they share.
    pub sockets: Vec<OwnedFd>,
    /// Connections that may wait to be accepted.
    pub backlog: i32,
    /// The frontend's addresses whose connections the kernel steers to these sockets, its own among them; none where it steers nothing.
    pub steered: Vec<(ListenerId, SocketAddr)>,
}

/// All addresses of the configuration, bound.
#[derive(Default)]
pub struct Listeners {
    pub bound: Vec<Bound>,
    /// What steers connections to the sockets of other addresses: nothing where there are no such, or why there is nothing.
    pub lookup: Option<Result<Lookup, KernelError>>,
}

impl Bound {
    /// Was it bound by this program? Descriptors that came from elsewhere are left as they are.
    pub fn is_own(&self) -> bool {
        !matches!(self.address, BindAddress::Descriptor(_))
    }

    /// Stops to listen, so that another process may bind the address. Only TCP can take it up again later.
    pub fn pause(&self) {
        self.for_each_tcp_socket(|socket| socket.shutdown(Shutdown::Read));
    }

    /// Listens again.
    pub fn resume(&self) {
        self.for_each_tcp_socket(|socket| socket.listen(self.backlog));
    }

    /// The listeners as the kernel's help sees them.
    pub fn listening(&self) -> Vec<Listening> {
        let endpoint = self.endpoint();
        if let (false, Some((_, v6only))) = (self.steered.is_empty(), endpoint) {
            let listening = |&(listener, address): &(ListenerId, SocketAddr)| Listening {
                listener: Some(listener),
                endpoint: Some(Endpoint::new(address, v6only)),
            };
            return self.steered.iter().map(listening).collect();
        }
        let listener = match self.owner {
            Owner::Frontend(listener) => Some(listener),
            Owner::Cli(_) | Owner::MasterCli(_) => None,
        };
        let endpoint = endpoint.map(|(address, v6only)| Endpoint::new(address, v6only));
        vec![Listening { listener, endpoint }]
    }

    /// Handles on its sockets, where each worker has one of them.
    pub fn group(&self) -> Option<Vec<OwnedFd>> {
        let is_frontends = matches!(self.owner, Owner::Frontend(_));
        let sockets = self.sockets.iter().filter(|_| is_frontends && self.sockets.len() > 1);
        let handles: Vec<OwnedFd> = sockets.map(OwnedFd::try_clone).collect::<io::Result<_>>().ok()?;
        (!handles.is_empty()).then_some(handles)
    }

    /// Where its sockets listen over TCP and IP, and whether for IPv6 only.
    fn endpoint(&self) -> Option<(SocketAddr, bool)> {
        let socket = SockRef::from(self.sockets.first()?);
        socket.is_listener().ok().filter(|listens| *listens)?;
        let address = socket.local_addr().ok()?.as_socket()?;
        Some((address, address.is_ipv6() && socket.only_v6().unwrap_or(false)))
    }

    fn for_each_tcp_socket(&self, act: impl Fn(SockRef<'_>) -> io::Result<()>) {
        if let BindAddress::Inet(_) = self.address {
            for socket in &self.sockets {
                // A socket that cannot pause goes on listening, one that cannot resume stays silent: nothing is left to try.
                let _ = act(SockRef::from(socket));
            }
        }
    }
}

/// One address to bind.
struct Wanted<'a> {
    owner: Owner,
    /// The frontend's name, for messages.
    frontend: &'a str,
    bind: &'a Bind,
    backlog: u32,
}

/// How addresses are bound.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub workers: usize,
    /// Off with `-dR` and `noreuseport`.
    pub reuse_port: bool,
}

/// Binds all addresses of the plan, taking inherited sockets where they fit. On failure returns a message for each
/// address that could not be bound.
pub fn bind_all(plan: &Plan, how: Binding, inherited: &mut Inherited) -> Result<Listeners, Vec<String>> {
    inherited.release();
    let groups = Groups::new(plan);
    let (mut listeners, mut members, mut failures) = (Listeners::default(), Vec::new(), Vec::new());
    for wanted in wanted(plan) {
        let done = if wanted.role(&groups) == Role::Member {
            let done = wanted.try_out(how, inherited);
            members.push(wanted);
            done
        } else {
            listeners.bind(&wanted, how, plan, inherited)
        };
        failures.extend(done.err());
    }
    if failures.is_empty() && !members.is_empty() && !listeners.steer(plan, &groups) {
        let bind = |member| listeners.bind(member, how, plan, inherited).err();
        failures.extend(members.iter().filter_map(bind));
    }
    match failures.is_empty() {
        true => Ok(listeners),
        false => Err(failures),
    }
}

impl Listeners {
    /// Binds one. The error is the message for the operator.
    fn bind(
        &mut self,
        wanted: &Wanted<'_>,
        how: Binding,
        plan: &Plan,
        inherited: &mut Inherited,
    ) -> Result<(), String> {
        let sockets = wanted.bind_one(how, &plan.global.tune, inherited);
        let sockets = sockets.map_err(|failure| wanted.explain(&failure))?;
        self.bound.push(wanted.bound(sockets));
        Ok(())
    }

    /// Has the kernel steer the connections of each group to the sockets of its first address. Does it?
    fn steer(&mut self, plan: &Plan, groups: &Groups) -> bool {
        let mut table = Table::default();
        let mut sockets = Vec::with_capacity(groups.groups.len());
        for bound in &mut self.bound {
            let Owner::Frontend(listener) = bound.owner else {
                continue;
            };
            let (Role::Anchor(group), Some((_, v6only))) = (groups.role(listener), bound.endpoint()) else {
                continue;
            };
            let Some(socket) = bound.sockets.first().and_then(|socket| socket.try_clone().ok()) else {
                continue;
            };
            bound.steered = groups.addresses(plan, group);
            for (_, address) in &bound.steered {
                table.steer(Endpoint::new(*address, v6only), sockets.len() as u32);
            }
            sockets.push(socket);
        }
        let ordinary = self.bound.iter().filter(|bound| bound.steered.is_empty());
        for (address, v6only) in ordinary.filter_map(Bound::endpoint) {
            table.leave(Endpoint::new(address, v6only));
        }
        let lookup = Lookup::start(&table, sockets);
        let steers = lookup.is_ok();
        if !steers {
            self.bound.iter_mut().for_each(|bound| bound.steered.clear());
        }
        self.lookup = Some(lookup);
        steers
    }
}

/// Binds an address for the master's runtime API. The error is the message for the operator.
pub fn bind_for_master(bind: &Bind, index: usize) -> Result<Bound, String> {
    let wanted = Wanted {
        owner: Owner::MasterCli(index),
        frontend: "MASTER",
        bind,
        backlog: DEFAULT_BACKLOG,
    };
    let how = Binding {
        workers: 1,
        reuse_port: true,
    };
    let sockets = wanted.bind_one(how, &Tune::default(), &mut Inherited::default());
    sockets
        .map(|sockets| wanted.bound(sockets))
        .map_err(|failure| wanted.explain(&failure))
}

fn wanted(plan: &Plan) -> impl Iterator<Item = Wanted<'_>> {
    let frontends = plan
        .proxies
        .iter()
        .enumerate()
        .filter(|(_, proxy)| proxy.is_frontend && !proxy.disabled)
        .flat_map(|(id, proxy)| {
            let frontend = ProxyId(id as u32);
            let backlog = proxy.backlog.or(proxy.max_connections).unwrap_or(DEFAULT_BACKLOG);
            proxy.binds.iter().enumerate().map(move |(index, bind)| Wanted {
                owner: Owner::Frontend(ListenerId {
                    frontend,
                    index: index as u32,
                }),
                frontend: &proxy.name,
                bind,
                backlog,
            })
        });
    let cli = plan.global.cli.iter().enumerate().map(|(index, socket)| Wanted {
        owner: Owner::Cli(index),
        frontend: "GLOBAL",
        bind: &socket.bind,
        backlog: DEFAULT_BACKLOG,
    });
    frontends.chain(cli)
}

/// A step of binding that failed.
struct Failure {
    step: &'static str,
    error: io::Error,
}

/// Names the step that an error came from.
trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, Failure>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { step, error })
    }
}

impl Wanted<'_> {
    fn explain(&self, failure: &Failure) -> String {
        let Failure { step, error } = failure;
        let (location, frontend) = (&self.bind.location, self.frontend);
        let (reason, address) = (reason(error), &self.bind.address);
        format!("Binding [{location}] for frontend {frontend}: {step} ({reason}) for [{address}]")
    }

    fn bound(&self, sockets: Vec<OwnedFd>) -> Bound {
        Bound {
            owner: self.owner,
            address: self.bind.address.clone(),
            sockets,
            backlog: self.backlog(),
            steered: Vec::new(),
        }
    }

    fn role(&self, groups: &Groups) -> Role {
        match self.owner {
            Owner::Frontend(listener) => groups.role(listener),
            Owner::Cli(_) | Owner::MasterCli(_) => Role::Ordinary,
        }
    }

    /// Finds out whether the address could be bound, for one that needs no sockets of its own. The error is the message for the operator.
    fn try_out(&self, how: Binding, inherited: &Inherited) -> Result<(), String> {
        match &self.bind.address {
            BindAddress::Inet(_) if inherited.has(self.bind) => Ok(()),
            BindAddress::Inet(address) => bound(*address, &self.bind.options, how.reuse_port, self.backlog()).map(drop),
            _ => Ok(()),
        }
        .map_err(|failure| self.explain(&failure))
    }

    fn backlog(&self) -> i32 {
        let backlog = self.bind.options.backlog.unwrap_or(self.backlog);
        i32::try_from(backlog).unwrap_or(i32::MAX)
    }

    fn bind_one(&self, how: Binding, tune: &Tune, inherited: &mut Inherited) -> Result<Vec<OwnedFd>, Failure> {
        let backlog = self.backlog();
        let options = &self.bind.options;
        match &self.bind.address {
            BindAddress::Descriptor(fd) => shared_descriptor(*fd, backlog).map(|socket| vec![socket]),
            BindAddress::Inet(address) => {
                let own = matches!(self.owner, Owner::Frontend(_)) && how.reuse_port;
                let count = if own { how.workers } else { 1 };
                let mut sockets = inherited.take(self.bind, count);
                while sockets.len() < count {
                    let socket = inet(*address, options, how.reuse_port, backlog)?;
                    sockets.push(socket.into());
                }
                for socket in &sockets {
                    size_buffers(SockRef::from(socket), tune).step("cannot tune socket")?;
                }
                Ok(sockets)
            }
            BindAddress::Unix(path) => match inherited.take(self.bind, 1) {
                sockets if !sockets.is_empty() => Ok(sockets),
                _ => unix(Path::new(path), options, backlog).map(|socket| vec![socket.into()]),
            },
            BindAddress::Abstract(name) => match inherited.take(self.bind, 1) {
                sockets if !sockets.is_empty() => Ok(sockets),
                _ => abstract_name(name, backlog).map(|socket| vec![socket.into()]),
            },
        }
    }
}

/// A second handle on an inherited descriptor, which stays as it is for whoever else knows it.
fn shared_descriptor(fd: i32, backlog: i32) -> Result<OwnedFd, Failure> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF)).step("cannot use file descriptor");
    }
    // SAFETY: the descriptor is only used within this function; if it is not open, duplicating it fails.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let owned = borrowed.try_clone_to_owned().step("cannot use file descriptor")?;
    let socket = SockRef::from(&owned);
    socket
        .r#type()
        .step("cannot use file descriptor")
        .and_then(|kind| match kind {
            Type::STREAM => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::EPROTOTYPE)).step("cannot use file descriptor"),
        })?;
    socket.listen(backlog).step("cannot listen to socket")?;
    socket.set_nonblocking(true).step("cannot make socket non-blocking")?;
    Ok(owned)
}

fn inet(address: SocketAddr, options: &BindOptions, reuse_port: bool, backlog: i32) -> Result<Socket, Failure> {
    let socket = bound(address, options, reuse_port, backlog)?;
    socket.listen(backlog).step("cannot listen to socket")?;
    Ok(socket)
}

/// A socket that is bound, but does not listen yet.
fn bound(address: SocketAddr, options: &BindOptions, reuse_port: bool, backlog: i32) -> Result<Socket, Failure> {
    let socket = namespace::within(options.namespace.as_deref(), || {
        Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
    })
    .step("cannot create receiving socket")?;
    socket.set_nonblocking(true).step("cannot make socket non-blocking")?;
    socket.set_reuse_address(true).step("cannot reuse the address")?;
    socket.set_reuse_port(reuse_port).step("cannot share the port")?;
    if address.is_ipv6() && (options.v6only || options.v4v6) {
        socket
            .set_only_v6(options.v6only)
            .step("cannot choose the IP versions")?;
    }
    if let Some(interface) = &options.interface {
        socket
            .bind_device(Some(interface.as_bytes()))
            .step("cannot bind receiver to device")?;
    }
    if options.transparent {
        transparent(&socket, address).step("cannot make listening socket transparent")?;
    }
    if let Some(mss) = options.mss {
        set_mss(&socket, mss).step("cannot set MSS")?;
    }
    if let Some(timeout) = options.tcp_user_timeout {
        socket
            .set_tcp_user_timeout(Some(timeout))
            .step("cannot set TCP user timeout")?;
    }
    if options.defer_accept {
        set_tcp_option(&socket, libc::TCP_DEFER_ACCEPT, 60).step("cannot enable DEFER_ACCEPT")?;
    }
    if options.tfo {
        set_tcp_option(&socket, libc::TCP_FASTOPEN, backlog).step("cannot enable TCP_FASTOPEN")?;
    }
    socket.bind(&address.into()).step("cannot bind socket")?;
    socket.listen(backlog).step("cannot listen to socket")?;
    Ok(socket)
}

/// A negative size counts from what the kernel begins with.
fn set_mss(socket: &Socket, mss: i32) -> io::Result<()> {
    let size = match u32::try_from(mss) {
        Ok(size) => size,
        Err(_) => socket.tcp_mss()?.saturating_add_signed(mss),
    };
    socket.set_tcp_mss(size)
}

/// Connections to addresses that are not this host's. Without the privilege, at least the address may be missing.
fn transparent(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => socket
            .set_ip_transparent_v4(true)
            .or_else(|_| socket.set_freebind_v4(true)),
        SocketAddr::V6(_) => {
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 1).or_else(|_| socket.set_freebind_v6(true))
        }
    }
}

fn set_tcp_option(socket: &Socket, option: i32, value: i32) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, option, value)
}

fn set_option(socket: &Socket, level: i32, option: i32, value: i32) -> io::Result<()> {
    let pointer = std::ptr::from_ref(&value).cast();
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, size_of::<i32>() as u32) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Buffer sizes, which accepted connections inherit from the listening socket.
fn size_buffers(socket: SockRef<'_>, tune: &Tune) -> io::Result<()> {
    if let Some(size) = tune.receive_buffer_client {
        socket.set_recv_buffer_size(size as usize)?;
    }
    if let Some(size) = tune.send_buffer_client {
        socket.set_send_buffer_size(size as usize)?;
    }
    Ok(())
}

/// Binds under a temporary name and moves it into place, so that there is always a socket to connect to.
fn unix(path: &Path, options: &BindOptions, backlog: i32) -> Result<Socket, Failure> {
    const STEP: &str = "cannot bind UNIX socket";
    let temporary = temporary_name(path);
    let _ = std::fs::remove_file(&temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).step("cannot create receiving socket")?;
    socket.set_nonblocking(true).step("cannot make socket non-blocking")?;
    let bound = socket
        .bind(&SockAddr::unix(&temporary).step(STEP)?)
        .step(STEP)
        .and_then(|()| permit(&temporary, options).step("cannot change UNIX socket ownership"))
        .and_then(|()| socket.listen(backlog).step("cannot listen to UNIX socket"))
        .and_then(|()| std::fs::rename(&temporary, path).step("cannot move UNIX socket into place"));
    if let Err(failure) = bound {
        let _ = std::fs::remove_file(&temporary);
        return Err(failure);
    }
    Ok(socket)
}

/// The name under which a socket is bound before it replaces the one at `path`.
pub fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

fn permit(path: &Path, options: &BindOptions) -> io::Result<()> {
    if options.uid.is_some() || options.gid.is_some() {
        chown(path, options.uid, options.gid)?;
    }
    match options.mode {
        Some(mode) => std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

fn abstract_name(name: &str, backlog: i32) -> Result<Socket, Failure> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).step("cannot create receiving socket")?;
    socket.set_nonblocking(true).step("cannot make socket non-blocking")?;
    socket.bind(&abstract_address(name)).step("cannot bind UNIX socket")?;
    socket.listen(backlog).step("cannot listen to UNIX socket")?;
    Ok(socket)
}

/// An address in the abstract namespace as HAProxy forms it: the name is filled up with zeros to the full length.
pub fn abstract_address(name: &str) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_un` is one of the types that the storage is made for.
    let address = unsafe { storage.view_as::<libc::sockaddr_un>() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, byte) in address.sun_path.iter_mut().skip(1).zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    // SAFETY: the storage holds a whole `sockaddr_un`, whose family was set.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_un>() as libc::socklen_t) }
}
