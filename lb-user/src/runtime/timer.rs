//! A timer that costs nothing while its deadline only moves away.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::clock::{self, NEVER, Ticks};

/// One connection's timer. It is armed with tokio only when a deadline comes closer than what is armed; a deadline that
/// moved away is noticed when the old one fires. A busy connection so arms it once in many requests.
#[derive(Default)]
pub struct Timer {
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    armed: Ticks,
}

impl Timer {
    /// Is `deadline` over? If not, the task is woken when it is.
    pub fn poll(&mut self, cx: &mut Context<'_>, deadline: Ticks) -> Poll<()> {
        if deadline == NEVER {
            return Poll::Pending;
        }
        loop {
            match &mut self.sleep {
                None => {
                    self.sleep = Some(Box::pin(tokio::time::sleep_until(clock::instant(deadline))));
                    self.armed = deadline;
                }
                Some(sleep) if deadline < self.armed || self.armed == 0 => {
                    sleep.as_mut().reset(clock::instant(deadline));
                    self.armed = deadline;
                }
                Some(_) => {}
            }
            let Some(sleep) = &mut self.sleep else {
                return Poll::Pending;
            };
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = 0;
            if clock::ticks() >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// Waits for `work`, at most until `deadline`; `None` when that came first.
    pub async fn until<T>(&mut self, deadline: Ticks, mut work: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        poll_fn(|cx| {
            clock::refresh();
            if let Poll::Ready(done) = work(cx) {
                return Poll::Ready(Some(done));
            }
            self.poll(cx, deadline).map(|()| None)
        })
        .await
    }

    /// Waits for `work`, which says with `Err` until when it will wait now: what it waits for may change as it goes on.
    /// `None` when that moment came.
    pub async fn until_told<T>(&mut self, mut work: impl FnMut(&mut Context<'_>) -> Result<T, Ticks>) -> Option<T> {
        poll_fn(|cx| {
            clock::refresh();
            match work(cx) {
                Ok(done) => Poll::Ready(Some(done)),
                Err(deadline) => self.poll(cx, deadline).map(|()| None),
            }
        })
        .await
    }

    /// Sleeps until `deadline`.
    pub async fn sleep(&mut self, deadline: Ticks) {
        let _: Option<()> = self.until(deadline, |_| Poll::Pending).await;
    }
}
