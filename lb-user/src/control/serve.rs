//! The runtime API's sockets: accepts clients and carries bytes between them and their sessions.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::session::{Now, Session, State};
use super::world::World;
use crate::observe::Ring;
use crate::plan::bind::SeverityOutput;
use crate::plan::global::CliLevel;
use crate::runtime::incoming::is_exhaustion;
use crate::runtime::{Incoming, Socket, clock};

/// How long accepting rests when the process is out of descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How long a client that was answered may take to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// One socket of the runtime API (`stats socket`).
pub struct Door {
    /// Bound and listening.
    pub socket: OwnedFd,
    pub level: CliLevel,
    pub severity_output: Option<SeverityOutput>,
    /// May clients take the listening sockets (`expose-fd listeners`)?
    pub exposes_listeners: bool,
}

/// Serves the runtime API on this thread, which must be in a `LocalSet` and carry no traffic: commands may wait for the
/// workers. At most `stats maxconn` clients are served at once; others wait to be accepted. Aborting the returned tasks
/// closes the doors; whoever is inside goes on.
pub fn start(world: &Rc<World>, doors: Vec<Door>) -> io::Result<Vec<JoinHandle<()>>> {
    let places = world.plan().global.stats_max_connections as usize;
    let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
    let mut accepting = Vec::new();
    for door in doors {
        let state = State {
            level: door.level,
            socket_level: door.level,
            interactive: false,
            severity_output: door.severity_output,
            experimental: false,
            expert: false,
            exposes_listeners: door.exposes_listeners,
            timeout: world.plan().global.stats_timeout,
        };
        let incoming = Incoming::new(door.socket)?;
        accepting.push(spawn_local(accept(world.clone(), incoming, state, places.clone())));
    }
    Ok(accepting)
}

async fn accept(world: Rc<World>, incoming: Incoming, state: State, places: Arc<Semaphore>) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match incoming.accept().await {
            Ok((socket, source)) => {
                let session = Session::new(state.clone(), world.plan().global.tune.bufsize);
                let world = world.clone();
                spawn_local(async move {
                    // An error means that the client is gone, and with it everyone to tell.
                    let _ = serve(&world, socket, source.is_none(), session).await;
                    drop(place);
                });
            }
            Err(error) if is_exhaustion(&error) => sleep(EXHAUSTED).await,
            // The client left before it was accepted.
            Err(_) => {}
        }
    }
}

async fn serve(world: &World, mut socket: Socket, is_unix: bool, mut session: Session) -> io::Result<()> {
    talk(world, &mut socket, &mut session).await?;
    if let Socket::Bare(socket) = socket
        && is_unix
        && session.hands_over()
    {
        (world.hand_over)(socket.into_descriptor().into());
    }
    Ok(())
}

/// Carries a session to its end: the client leaves, is idle for too long, or is answered.
async fn talk(
    world: &World,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    session: &mut Session,
) -> io::Result<()> {
    let mut room = [0; 4_096];
    let mut out = Vec::new();
    loop {
        match next(stream, session, &mut room).await? {
            Happened::Received(length) => {
                let now = Now {
                    ticks: clock::ticks(),
                    date: clock::date(),
                };
                session.receive(room.get(..length).unwrap_or_default(), world, now, &mut out);
            }
            Happened::Logged => session.follow(&mut out),
            Happened::Ended => return Ok(()),
        }
        if session.hands_over() {
            return Ok(());
        }
        let sent = timeout(session.timeout(), stream.write_all(&out)).await;
        sent.map_err(io::Error::from)??;
        out.clear();
        if session.is_over() {
            return part(stream, &mut room).await;
        }
    }
}

/// What a session waits for.
enum Happened {
    Received(usize),
    /// The ring that is being shown has a new line.
    Logged,
    /// The client has nothing more to say, or was silent for too long.
    Ended,
}

async fn next(stream: &mut (impl AsyncRead + Unpin), session: &Session, room: &mut [u8]) -> io::Result<Happened> {
    let following = session.following();
    let mut logged = pin!(wait(following.as_ref()));
    let mut read = pin!(timeout(session.timeout(), stream.read(room)));
    poll_fn(|cx| {
        if logged.as_mut().poll(cx).is_ready() {
            return Ok(Happened::Logged).into();
        }
        read.as_mut().poll(cx).map(|read| match read {
            Ok(Ok(0)) => Ok(Happened::Ended),
            Ok(read) => read.map(Happened::Received),
            // Whoever watches a ring has nothing to say.
            Err(_) if following.is_some() => Ok(Happened::Logged),
            Err(_) => Ok(Happened::Ended),
        })
    })
    .await
}

async fn wait(following: Option<&(Arc<Ring>, u64)>) {
    match following {
        Some((ring, from)) => ring.wait(*from).await,
        None => std::future::pending().await,
    }
}

/// Ends the answer and reads on until the client has seen that, because closing on unread bytes would reset what it has
/// not read yet.
async fn part(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), room: &mut [u8]) -> io::Result<()> {
    stream.shutdown().await?;
    // Too slow a client is left to itself.
    let _ = timeout(LINGER, async {
        while stream.read(room).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
    Ok(())
}
