//! The streams under way, for those who watch and end them. Each worker keeps a list of its own, which costs the data
//! path next to nothing; who wants to know asks every worker.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::runtime::clock::Ticks;
use crate::state::{ProxyId, ServerId};

/// How long a busy worker may take to answer before it is passed over.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is told of a stream.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// Unique in the process.
    pub id: u64,
    /// `None` for a client on a unix socket.
    pub source: Option<SocketAddr>,
    pub frontend: ProxyId,
    pub backend: Option<ProxyId>,
    pub server: Option<ServerId>,
    pub started: Ticks,
    /// Where the kernel carries it, bytes from the client and from the server so far.
    pub carried: Option<(u64, u64)>,
}

/// Which streams to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doomed {
    Id(u64),
    Server(ServerId),
}

/// Why a stream is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The operator wants it.
    Killed,
    /// Its server went down (`on-marked-down shutdown-sessions`).
    ServerDown,
    /// A better server than its backup came up (`on-marked-up shutdown-backup-sessions`).
    ServerUp,
}

struct Entry {
    info: StreamInfo,
    ended: Option<Reason>,
    waker: Option<Waker>,
}

impl Entry {
    /// The stream's number as others know it: a worker's numbers leave room for those of all workers.
    fn told(&self, worker: u64) -> u64 {
        self.info.id << 10 | worker
    }
}

#[derive(Default)]
struct List {
    worker: u64,
    next: u64,
    streams: Slab<Entry>,
}

thread_local! {
    static LIST: RefCell<List> = RefCell::default();
}

/// A stream's place in its worker's list, until dropped.
pub struct Enrolled(usize);

impl Enrolled {
    /// Adds a stream that begins now to this worker's list.
    pub fn new(source: Option<SocketAddr>, frontend: ProxyId, now: Ticks) -> Enrolled {
        LIST.with_borrow_mut(|list| {
            list.next += 1;
            let info = StreamInfo {
                id: list.next,
                source,
                frontend,
                backend: None,
                server: None,
                started: now,
                carried: None,
            };
            let waker = None;
            Enrolled(list.streams.insert(Entry {
                info,
                ended: None,
                waker,
            }))
        })
    }

    /// Takes note of where the stream goes.
    pub fn note(&self, backend: Option<ProxyId>, server: Option<ServerId>) {
        LIST.with_borrow_mut(|list| {
            if let Some(entry) = list.streams.get_mut(self.0) {
                entry.info.backend = backend;
                entry.info.server = server;
            }
        });
    }

    /// The place, for [`unless_ended`].
    pub fn place(&self) -> usize {
        self.0
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        LIST.with_borrow_mut(|list| list.streams.try_remove(self.0));
    }
}

/// Carries on with the work of the stream at `place`, unless it is to be ended.
pub async fn unless_ended<T>(place: usize, work: impl Future<Output = T>) -> Result<T, Reason> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        LIST.with_borrow_mut(|list| {
            let Some(entry) = list.streams.get_mut(place) else {
                return Poll::Pending;
            };
            if let Some(reason) = entry.ended {
                return Poll::Ready(Err(reason));
            }
            // A stream has one task, so its waker stays the same.
            entry.waker.get_or_insert_with(|| cx.waker().clone());
            Poll::Pending
        })
    })
    .await
}

enum Question {
    List(Sender<Vec<StreamInfo>>),
    End(Doomed, Reason, Sender<usize>),
}

/// The lists of all workers.
#[derive(Default)]
pub struct Rosters(Mutex<Vec<UnboundedSender<Question>>>);

impl Rosters {
    /// Every stream under way. Waits for the workers, so it must not be called on one.
    pub fn list(&self) -> Vec<StreamInfo> {
        let mut all = self.ask(Question::List).concat();
        all.sort_by_key(|info| info.started);
        all
    }

    /// Ends streams and says how many there were. Waits for the workers, so it must not be called on one.
    pub fn end(&self, doomed: Doomed) -> usize {
        self.ask(|answer| Question::End(doomed, Reason::Killed, answer))
            .iter()
            .sum()
    }

    /// Has the streams of a server ended, without waiting for it.
    pub fn shut(&self, server: ServerId, reason: Reason) {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (nobody, _) = mpsc::channel();
        for worker in workers.iter() {
            // A worker that is gone has no streams.
            let _ = worker.send(Question::End(Doomed::Server(server), reason, nobody.clone()));
        }
    }

    fn ask<T>(&self, question: impl Fn(Sender<T>) -> Question) -> Vec<T> {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, answers) = mpsc::channel();
        let asked = workers
            .iter()
            .filter(|worker| worker.send(question(sender.clone())).is_ok());
        let asked = asked.count();
        drop(workers);
        (0..asked).map_while(|_| answers.recv_timeout(PATIENCE).ok()).collect()
    }

    /// Answers for this worker, whose number is `worker`, for as long as it runs.
    pub async fn answer(&self, worker: usize) {
        LIST.with_borrow_mut(|list| list.worker = worker as u64 & 0x3ff);
        let (sender, questions) = unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        answer(questions).await;
    }
}

async fn answer(mut questions: UnboundedReceiver<Question>) {
    while let Some(question) = questions.recv().await {
        // Whoever asked may have stopped waiting.
        let _ = match question {
            Question::List(answer) => answer.send(here()).is_ok(),
            Question::End(doomed, reason, answer) => answer.send(end_here(doomed, reason)).is_ok(),
        };
    }
}

fn here() -> Vec<StreamInfo> {
    LIST.with_borrow(|list| {
        let told = |entry: &Entry| StreamInfo {
            id: entry.told(list.worker),
            ..entry.info.clone()
        };
        list.streams.iter().map(|(_, entry)| told(entry)).collect()
    })
}

fn end_here(doomed: Doomed, reason: Reason) -> usize {
    let mut wakers = Vec::new();
    LIST.with_borrow_mut(|list| {
        let worker = list.worker;
        for (_, entry) in &mut list.streams {
            let is_doomed = match doomed {
                Doomed::Id(id) => entry.told(worker) == id,
                Doomed::Server(server) => entry.info.server == Some(server),
            };
            if is_doomed {
                entry.ended = Some(reason);
                wakers.push(entry.waker.take());
            }
        }
    });
    for waker in wakers.iter().flatten() {
        waker.wake_by_ref();
    }
    wakers.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::task::LocalSet;

    /// A worker thread with one stream that never ends by itself. It returns what ending it looked like.
    fn worker(rosters: Arc<Rosters>, number: usize) -> std::thread::JoinHandle<Result<(), Reason>> {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
            LocalSet::new().block_on(&runtime, async move {
                let enrolled = Enrolled::new(None, ProxyId(number as u32), number as u64);
                let answering = rosters.clone();
                tokio::task::spawn_local(async move { answering.answer(number).await });
                unless_ended(enrolled.place(), std::future::pending()).await
            })
        })
    }

    fn wait_for(rosters: &Rosters, count: usize) -> Vec<StreamInfo> {
        loop {
            let list = rosters.list();
            if list.len() == count {
                return list;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn streams_of_all_workers_are_listed_and_can_be_ended() {
        let rosters = Arc::new(Rosters::default());
        let workers: Vec<_> = (0..2).map(|number| worker(rosters.clone(), number)).collect();
        let list = wait_for(&rosters, 2);
        assert_ne!(list[0].id, list[1].id);
        assert_eq!(list.iter().map(|info| info.frontend.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(rosters.end(Doomed::Id(u64::MAX)), 0);
        assert_eq!(
            list.iter().map(|info| rosters.end(Doomed::Id(info.id))).sum::<usize>(),
            2
        );
        for worker in workers {
            assert_eq!(worker.join().expect("worker"), Err(Reason::Killed));
        }
        assert!(rosters.list().is_empty());
    }
}
