//! Frequency counters: events of the current period, plus those of the period before weighted by what is left of it.

/// Events over a sliding period. The caller says how long the period is and what time it is, in one unit of its choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rate {
    /// When the current period began.
    pub start: u64,
    pub current: u32,
    pub previous: u32,
}

impl Rate {
    /// Counts events. The first one begins a period.
    pub fn add(&mut self, events: u32, period: u64, now: u64) {
        *self = self.at(period, now);
        if self.current == 0 && self.previous == 0 {
            self.start = now;
        }
        self.current = self.current.saturating_add(events);
    }

    /// Makes the rate read `events` from `now` on.
    pub fn set(&mut self, events: u32, now: u64) {
        *self = Rate {
            start: now,
            current: events,
            previous: 0,
        };
    }

    /// Events in the period that ends now.
    ///
    /// A single event counts until its period and the next are over: rounding it down would make a rare event's rate
    /// flap between one and none.
    pub fn read(&self, period: u64, now: u64) -> u32 {
        let Rate {
            start,
            current,
            previous,
        } = self.at(period, now);
        if current == 0 && previous <= 1 {
            return previous;
        }
        let left = period.saturating_sub(now.saturating_sub(start));
        let faded = (u64::from(previous) * left).checked_div(period).unwrap_or(0);
        current.saturating_add(faded as u32)
    }

    /// The same counter with the periods that have ended since taken into account.
    fn at(&self, period: u64, now: u64) -> Rate {
        let elapsed = now.saturating_sub(self.start);
        if elapsed < period {
            *self
        } else if elapsed < period.saturating_mul(2) {
            Rate {
                start: self.start + period,
                current: 0,
                previous: self.current,
            }
        } else {
            Rate {
                start: now,
                current: 0,
                previous: 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn events_fade_over_the_next_period() {
        // (events at 1000, read at, expected) with a period of 3000.
        for (events, now, expected) in [
            (10, 1_000, 10),
            (10, 3_999, 10),
            (10, 4_000, 10),
            (10, 4_050, 9),
            (10, 5_500, 5),
            (10, 6_999, 0),
            (10, 7_000, 0),
            (2, 4_050, 1),
            (2, 5_600, 0),
            (1, 6_999, 1),
            (1, 7_000, 0),
        ] {
            let mut rate = Rate::default();
            rate.add(events, 3_000, 1_000);
            assert_eq!(rate.read(3_000, now), expected, "{events} events at {now}");
        }
    }

    #[test]
    fn the_current_period_adds_to_what_is_left_of_the_last() {
        let mut rate = Rate::default();
        rate.set(10, 0);
        rate.add(4, 1_000, 1_500);
        assert_eq!(rate.read(1_000, 1_500), 9);
        assert_eq!(rate.read(1_000, 2_000), 4);
        assert_eq!(rate.read(1_000, 2_500), 2);
    }

    #[test]
    fn nothing_overflows() {
        let mut rate = Rate::default();
        rate.add(u32::MAX, u64::MAX, 0);
        rate.add(u32::MAX, u64::MAX, u64::MAX);
        assert_eq!(rate.read(u64::MAX, u64::MAX), u32::MAX);
        assert_eq!(Rate::default().read(0, 0), 0);
        // A clock that steps back.
        rate.set(3, 1_000);
        assert_eq!(rate.read(10, 0), 3);
    }
}
