//! A timer that costs nothing while its deadline only moves away.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::alarm;
use super::clock::{self, NEVER, Ticks};

/// One task's timer. Its alarm is set only when a deadline comes closer than the one that is set; a deadline that moved
/// away is noticed when the old alarm rings. A busy connection so sets it once in many requests.
#[derive(Default)]
pub struct Timer {
    /// When the alarm that is set rings; 0: none is.
    armed: Ticks,
    number: u32,
}

impl Timer {
    /// Is `deadline` over? If not, the task is woken when it is.
    pub fn poll(&mut self, cx: &mut Context<'_>, deadline: Ticks) -> Poll<()> {
        let now = clock::ticks();
        if now >= deadline {
            return Poll::Ready(());
        }
        if deadline != NEVER && (deadline < self.armed || self.armed <= now) {
            self.disarm();
            self.number = alarm::set(deadline, cx.waker().clone());
            self.armed = deadline;
        }
        Poll::Pending
    }

    fn disarm(&mut self) {
        if self.armed > 0 {
            alarm::cancel(self.armed, self.number);
        }
    }

    /// Waits for `work`, at most until `deadline`; `None` when that came first.
    pub async fn until<T>(&mut self, deadline: Ticks, mut work: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        poll_fn(|cx| {
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
        poll_fn(|cx| match work(cx) {
            Ok(done) => Poll::Ready(Some(done)),
            Err(deadline) => self.poll(cx, deadline).map(|()| None),
        })
        .await
    }

    /// Sleeps until `deadline`.
    pub async fn sleep(&mut self, deadline: Ticks) {
        let _: Option<()> = self.until(deadline, |_| Poll::Pending).await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Sleeps for so long.
pub async fn sleep(time: Duration) {
    Timer::default().sleep(clock::after(clock::ticks(), Some(time))).await;
}
