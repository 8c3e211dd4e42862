//! A worker's tasks, on the worker's own thread.
//!
//! A task costs its future and three words: idle connections are many. A waker is a number, so neither making one nor
//! waking with it allocates or counts references.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use slab::Slab;

use super::clock::{self, NEVER};
use super::{alarm, reactor};

/// How many tasks are polled before the sockets are looked at again.
const ROUND: usize = 256;

/// The task that [`run`] was called with.
const ROOT: u32 = u32::MAX;

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    /// Absent while it is being polled.
    future: Option<Work>,
    is_ready: bool,
}

#[derive(Default)]
struct Tasks {
    /// Which executor this thread runs; `None` where it runs none.
    executor: Option<u32>,
    tasks: Slab<Task>,
    ready: VecDeque<u32>,
}

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
}

/// What other threads wake, by executor. It grows by one with each worker that is started.
static MAILBOXES: RwLock<Vec<Arc<Mailbox>>> = RwLock::new(Vec::new());

/// Wake-ups from other threads.
struct Mailbox {
    woken: Mutex<Vec<u32>>,
    bell: OwnedFd,
}

/// Runs `root`, and what it spawns, until `root` has ended; what is left then is dropped.
pub fn run<T>(root: impl Future<Output = T>) -> io::Result<T> {
    let mailbox = Arc::new(Mailbox {
        woken: Mutex::default(),
        bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
    });
    let bell = reactor::Registration::new(&mailbox.bell)?;
    let executor = enlist(mailbox.clone());
    clock::refresh();
    TASKS.with_borrow_mut(|tasks| {
        tasks.executor = Some(executor);
        tasks.wake(ROOT);
    });
    let ended = turn_until_done(executor, &mailbox, &bell, pin!(root));
    let left = TASKS.with_borrow_mut(std::mem::take);
    drop(left);
    clock::release();
    ended
}

fn enlist(mailbox: Arc<Mailbox>) -> u32 {
    let mut mailboxes = MAILBOXES.write().unwrap_or_else(PoisonError::into_inner);
    mailboxes.push(mailbox);
    mailboxes.len() as u32 - 1
}

fn turn_until_done<T>(
    executor: u32,
    mailbox: &Mailbox,
    bell: &reactor::Registration,
    mut root: Pin<&mut impl Future<Output = T>>,
) -> io::Result<T> {
    loop {
        for _ in 0..ROUND {
            let Some(index) = TASKS.with_borrow_mut(|tasks| tasks.ready.pop_front()) else {
                break;
            };
            let waker = waker(executor, index);
            let mut cx = Context::from_waker(&waker);
            if index != ROOT {
                poll(index, &mut cx);
            } else if let Poll::Ready(value) = root.as_mut().poll(&mut cx) {
                return Ok(value);
            }
        }
        let is_busy = TASKS.with_borrow(|tasks| !tasks.ready.is_empty());
        reactor::turn(if is_busy { Some(Duration::ZERO) } else { until_alarm() })?;
        clock::refresh();
        alarm::ring(clock::ticks());
        if bell.is_readable() {
            // Left unread: every ring is an event of its own.
            bell.blocks(reactor::Direction::Read);
            let woken = std::mem::take(&mut *mailbox.woken.lock().unwrap_or_else(PoisonError::into_inner));
            TASKS.with_borrow_mut(|tasks| woken.into_iter().for_each(|index| tasks.wake(index)));
        }
    }
}

/// How long nothing but a socket can make work; `None`: for ever.
fn until_alarm() -> Option<Duration> {
    match alarm::next() {
        NEVER => None,
        next => {
            clock::refresh();
            Some(Duration::from_micros(next.saturating_sub(clock::ticks())))
        }
    }
}

/// Polls a task. One that panics ends, alone.
fn poll(index: u32, cx: &mut Context<'_>) {
    let taken = TASKS.with_borrow_mut(|tasks| {
        let task = tasks.tasks.get_mut(index as usize)?;
        task.is_ready = false;
        task.future.take()
    });
    let Some(mut future) = taken else { return };
    let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
    let ended = TASKS.with_borrow_mut(|tasks| match polled {
        Ok(Poll::Pending) => {
            if let Some(task) = tasks.tasks.get_mut(index as usize) {
                task.future = Some(future);
            }
            None
        }
        _ => {
            tasks.tasks.try_remove(index as usize);
            Some(future)
        }
    });
    // What it held may wake others as it goes, so the list is let go of first.
    drop(ended);
}

/// Starts a task on this thread.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    let future: Work = Box::pin(future);
    TASKS.with_borrow_mut(|tasks| {
        let index = tasks.tasks.insert(Task {
            future: Some(future),
            is_ready: false,
        });
        tasks.wake(index as u32);
    });
}

impl Tasks {
    fn wake(&mut self, index: u32) {
        if index == ROOT {
            if !self.ready.contains(&ROOT) {
                self.ready.push_back(ROOT);
            }
        } else if let Some(task) = self.tasks.get_mut(index as usize)
            && !task.is_ready
        {
            task.is_ready = true;
            self.ready.push_back(index);
        }
    }
}

/// Wakes a task, from whatever thread. The number may meanwhile be another task's, which then wakes for nothing.
fn wake(executor: u32, index: u32) {
    let here = TASKS.try_with(|tasks| {
        let mut tasks = tasks.borrow_mut();
        let is_here = tasks.executor == Some(executor);
        if is_here {
            tasks.wake(index);
        }
        is_here
    });
    if here.is_ok_and(|here| here) {
        return;
    }
    let mailboxes = MAILBOXES.read().unwrap_or_else(PoisonError::into_inner);
    let Some(mailbox) = mailboxes.get(executor as usize) else {
        return;
    };
    let mut woken = mailbox.woken.lock().unwrap_or_else(PoisonError::into_inner);
    woken.push(index);
    // It fails only where so many rings are unheard that one more makes no difference.
    let _ = rustix::io::write(&mailbox.bell, &1u64.to_ne_bytes());
}

fn waker(executor: u32, index: u32) -> Waker {
    let number = (executor as usize) << 32 | index as usize;
    // SAFETY: the data is a number that nothing points with; the functions below keep to the contract of RawWaker,
    // as they hold nothing to be shared or freed.
    unsafe { Waker::new(std::ptr::without_provenance(number), &WAKER) }
}

static WAKER: RawWakerVTable = RawWakerVTable::new(
    |number| RawWaker::new(number, &WAKER),
    |number| wake_number(number.addr()),
    |number| wake_number(number.addr()),
    |_| {},
);

fn wake_number(number: usize) {
    wake((number >> 32) as u32, number as u32);
}

const _: () = assert!(usize::BITS == 64, "a waker's number has 64 bits");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Timer, sleep};
    use std::cell::Cell;
    use std::future::{pending, poll_fn};
    use std::rc::Rc;
    use tokio::sync::oneshot;

    #[test]
    fn other_threads_wake_tasks() {
        let (ask, asked) = oneshot::channel::<oneshot::Sender<u32>>();
        let other = std::thread::spawn(move || {
            run(async move {
                let answer = asked.await.expect("a question");
                answer.send(42).expect("somebody who waits");
            })
        });
        let answered = run(async move {
            let (told, answer) = oneshot::channel();
            let (sender, answer_of_task) = oneshot::channel();
            spawn(async move {
                ask.send(told).expect("an executor that answers");
                sender.send(answer.await).expect("the root");
            });
            answer_of_task.await
        });
        assert_eq!(answered.expect("run"), Ok(Ok(42)));
        other.join().expect("thread").expect("run");
    }

    #[test]
    fn a_task_that_panics_ends_alone() {
        let survived = run(async {
            spawn(async { panic!("on purpose") });
            sleep(Duration::from_millis(1)).await;
            true
        });
        assert!(survived.expect("run"));
    }

    #[test]
    fn what_is_left_is_dropped_at_the_end() {
        struct Noted(Rc<Cell<u32>>);
        impl Drop for Noted {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let dropped = Rc::new(Cell::new(0));
        let noted = dropped.clone();
        let ran = run(async move {
            for _ in 0..3 {
                let noted = Noted(noted.clone());
                spawn(async move {
                    pending::<()>().await;
                    drop(noted);
                });
            }
        });
        ran.expect("run");
        assert_eq!(dropped.get(), 3);
    }

    #[test]
    fn a_deadline_strikes_whether_it_came_closer_or_moved_away() {
        let ran = run(async {
            let mut timer = Timer::default();
            let start = clock::ticks();
            for distance in [20_000, 2_000, 5_000, 3_000] {
                let deadline = clock::ticks() + distance;
                // What wakes the task in between must not end the wait.
                let mut polled = 0;
                let waited: Option<()> = timer
                    .until(deadline, |cx| {
                        polled += 1;
                        if polled < 3 {
                            cx.waker().wake_by_ref();
                        }
                        if distance == 20_000 && polled == 3 {
                            return Poll::Ready(());
                        }
                        Poll::Pending
                    })
                    .await;
                assert_eq!(waited.is_some(), distance == 20_000);
                assert_eq!(clock::ticks() >= deadline, distance < 20_000);
            }
            poll_fn(|cx| timer.poll(cx, start)).await;
        });
        ran.expect("run");
    }
}
