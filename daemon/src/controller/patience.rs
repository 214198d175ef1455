//! How often we mend what others break. A program that takes our routes away as often as we set them
//! must not make this one spin.

use std::time::{Duration, Instant};

/// Mends in a row before patience is asked for.
const BURST: u32 = 20;
/// One more for each of these.
const REFILL: Duration = Duration::from_secs(1);

/// A number of mends that may be made at once.
#[derive(Debug)]
pub(super) struct Patience {
    left: u32,
    counted: Instant,
}

impl Patience {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, counted: now }
    }

    /// Whether a mend may be made now; it counts if so.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let seconds = now.duration_since(self.counted).as_secs() / REFILL.as_secs();
        if seconds > 0 {
            self.left =
                BURST.min(self.left.saturating_add(u32::try_from(seconds).unwrap_or(BURST)));
            self.counted = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_fight_is_slowed_to_once_a_second() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        let at_once = (0..100).filter(|_| patience.allows(start)).count();
        assert_eq!(at_once, 20);
        let in_ten_seconds =
            (0..1000).filter(|n| patience.allows(start + Duration::from_millis(10 * n))).count();
        assert!((9..=10).contains(&in_ten_seconds), "{in_ten_seconds}");
        let later = start + Duration::from_secs(100);
        assert_eq!((0..100).filter(|_| patience.allows(later)).count(), 20);
    }
}
