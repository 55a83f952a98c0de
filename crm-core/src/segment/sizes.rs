//! How large a segment was at moments, counted from the times at which members came and went.

use super::SegmentSize;
use crate::Timestamp;

/// Counts changes, handed in by time, up to each of some moments.
#[derive(Debug)]
pub(crate) struct SizeFold {
    moments: std::vec::IntoIter<Timestamp>,
    at: Option<Timestamp>,
    entered: u64,
    left: u64,
    sizes: Vec<SegmentSize>,
}

impl SizeFold {
    /// The moments are in order.
    pub(crate) fn new(moments: Vec<Timestamp>) -> Self {
        let mut moments = moments.into_iter();
        let at = moments.next();
        Self { moments, at, entered: 0, left: 0, sizes: Vec::new() }
    }

    /// A member came or went. Answers whether more of them matter.
    pub(crate) fn add(&mut self, at: Timestamp, is_member: bool) -> bool {
        while let Some(moment) = self.at.filter(|moment| *moment < at) {
            self.close(moment);
        }
        match is_member {
            true => self.entered += 1,
            false => self.left += 1,
        }
        self.at.is_some()
    }

    pub(crate) fn finish(mut self) -> Vec<SegmentSize> {
        while let Some(moment) = self.at {
            self.close(moment);
        }
        self.sizes
    }

    fn close(&mut self, at: Timestamp) {
        let before = self.sizes.last().map_or(0, |last| last.size);
        let size = (before + self.entered).saturating_sub(self.left);
        self.sizes.push(SegmentSize { at, size, entered: self.entered, left: self.left });
        (self.entered, self.left) = (0, 0);
        self.at = self.moments.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_counts_what_happened_up_to_and_at_its_moment() {
        let moment = |micros| Timestamp::from_micros(micros).unwrap();
        let mut fold = SizeFold::new([5, 10, 10, 20].map(moment).to_vec());
        for (at, is_member) in [(5, true), (6, true), (10, false), (15, true)] {
            assert!(fold.add(moment(at), is_member));
        }
        assert!(!fold.add(moment(21), true), "nothing after the last moment matters");
        let sizes = fold.finish();
        let told: Vec<_> = sizes.iter().map(|size| (size.size, size.entered, size.left)).collect();
        assert_eq!(told, [(1, 1, 0), (1, 1, 1), (1, 0, 0), (2, 1, 0)]);
        assert_eq!(SizeFold::new(vec![moment(1)]).finish()[0].size, 0);
    }
}
