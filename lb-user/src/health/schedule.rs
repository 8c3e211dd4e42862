//! When to check, how long to wait, and how fast to warm up (manual 5.2: `inter`, `slowstart`; 4.2: `timeout check`).

use super::standing::Standing;
use crate::plan::check::CheckSettings;
use std::time::Duration;

/// The steps of `slowstart`: a warming server has this part of its weight, then twice as much, and so on.
const WARM_UP_STEPS: u64 = 16;

/// Pause between the end of a check and the next one.
pub fn interval(settings: &CheckSettings, standing: &Standing) -> Duration {
    let special = match standing.is_settled() {
        false => settings.fast_inter,
        true if standing.is_down() => settings.down_inter,
        true => None,
    };
    special.unwrap_or(settings.inter)
}

/// How long a check may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the connection stands.
    pub connect: Duration,
    /// From then to the end; `None`: what `connect` has left.
    pub answer: Option<Duration>,
}

/// Without `timeout check` the interval bounds the whole check.
pub fn patience(settings: &CheckSettings, connect: Option<Duration>, check: Option<Duration>) -> Patience {
    Patience {
        connect: match check {
            Some(_) => connect.map_or(settings.inter, |connect| connect.min(settings.inter)),
            None => settings.inter,
        },
        answer: check,
    }
}

/// Delay of the first check of the one at `position` of `count`, so that all do not start at once: the smallest
/// interval of all is shared out, at most `limit` (`max-spread-checks`).
pub fn first(position: usize, count: usize, smallest: Duration, limit: Option<Duration>) -> Duration {
    let spread = limit.map_or(smallest, |limit| limit.min(smallest));
    spread * position as u32 / (count as u32).max(1)
}

/// `interval` changed by up to `spread` percent either way (`spread-checks`); `draw` is a random number.
pub fn spread(interval: Duration, spread: u32, draw: u32) -> Duration {
    let width = interval * spread.min(50) / 100;
    (interval - width) + (2 * width).mul_f64(f64::from(draw) / f64::from(u32::MAX))
}

/// Effective weight of a server that came up `warm` ago: its weight times the `scale` of the algorithm, less while it
/// warms up for `slowstart`.
pub fn effective_weight(weight: u32, scale: u32, warm: Duration, slowstart: Option<Duration>) -> u32 {
    let full = u64::from(weight) * u64::from(scale);
    let steps = match slowstart {
        Some(slowstart) if warm < slowstart => 1 + WARM_UP_STEPS * warm.as_secs() / slowstart.as_secs().max(1),
        _ => WARM_UP_STEPS,
    };
    (full * steps).div_ceil(WARM_UP_STEPS).min(full) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::server::Running;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn intervals_follow_the_standing() {
        let settings = CheckSettings {
            inter: ms(100),
            fast_inter: Some(ms(10)),
            down_inter: Some(ms(1000)),
            ..CheckSettings::default()
        };
        let plain = CheckSettings {
            inter: ms(100),
            ..CheckSettings::default()
        };
        for (running, health, expected) in [
            (Running::Up, 4, ms(100)),
            (Running::Up, 3, ms(10)),
            (Running::Up, 2, ms(10)),
            (Running::Stopping, 4, ms(100)),
            (Running::Stopped, 1, ms(10)),
            (Running::Stopped, 0, ms(1000)),
        ] {
            let standing = Standing {
                running,
                admin: 0,
                health,
                rise: 2,
                fall: 3,
                warms_up: false,
            };
            assert_eq!(interval(&settings, &standing), expected, "{running:?} {health}");
            assert_eq!(interval(&plain, &standing), ms(100));
        }
    }

    #[test]
    fn timeout_check_splits_the_time() {
        let settings = CheckSettings {
            inter: ms(300),
            ..CheckSettings::default()
        };
        for (connect, check, expected) in [
            (Some(ms(100)), None, (ms(300), None)),
            (Some(ms(100)), Some(ms(150)), (ms(100), Some(ms(150)))),
            (Some(ms(700)), Some(ms(150)), (ms(300), Some(ms(150)))),
            (None, Some(ms(150)), (ms(300), Some(ms(150)))),
        ] {
            let patience = patience(&settings, connect, check);
            assert_eq!((patience.connect, patience.answer), expected);
        }
    }

    #[test]
    fn first_checks_share_the_smallest_interval() {
        assert_eq!(first(0, 4, ms(200), None), ms(0));
        assert_eq!(first(3, 4, ms(200), None), ms(150));
        assert_eq!(first(3, 4, ms(200), Some(ms(40))), ms(30));
        assert_eq!(first(0, 0, ms(200), None), ms(0));
    }

    #[test]
    fn spread_stays_within_its_bounds() {
        assert_eq!(spread(ms(1000), 0, 77), ms(1000));
        assert_eq!(spread(ms(1000), 20, 0), ms(800));
        assert_eq!(spread(ms(1000), 20, u32::MAX), ms(1200));
        assert_eq!(spread(ms(1000), 90, 0), ms(500));
    }

    #[test]
    fn weight_grows_while_warming_up() {
        let slowstart = Some(ms(2000));
        for (weight, scale, warm, expected) in [
            (10, 16, ms(0), 10),
            (10, 16, ms(1000), 90),
            (10, 16, ms(2000), 160),
            (0, 16, ms(0), 0),
            (1, 1, ms(0), 1),
        ] {
            assert_eq!(effective_weight(weight, scale, warm, slowstart), expected);
        }
        assert_eq!(effective_weight(10, 16, ms(0), None), 160);
    }
}
