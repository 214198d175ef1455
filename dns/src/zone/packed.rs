//! Parts in one block of memory. There are tens of thousands of them, a few bytes each: an allocation
//! for each part would take more than the parts do.
//!
//! A block is the number of its parts, where each of them ends, all as numbers of 32 bits, and then the
//! parts. Nothing at all is a block of no parts.

/// Reads the parts of a block.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'b> {
    ends: &'b [[u8; 4]],
    bytes: &'b [u8],
}

/// One block of these parts. All of them together are shorter than 4 GiB.
#[must_use]
pub fn pack(parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    if parts.is_empty() {
        return Vec::new();
    }
    let whole: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut block = Vec::with_capacity(4 + 4 * parts.len() + whole);
    push_number(&mut block, parts.len());
    let mut end = 0;
    for part in parts {
        end += part.as_ref().len();
        push_number(&mut block, end);
    }
    parts.iter().for_each(|part| block.extend_from_slice(part.as_ref()));
    block
}

/// Writes a number as blocks have them.
pub fn push_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u32).to_ne_bytes());
}

/// A number at the front, and what is behind it; 0 where there is nothing.
#[must_use]
pub fn number(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes.split_first_chunk() {
        Some((number, rest)) => (u32::from_ne_bytes(*number) as usize, rest),
        None => (0, &[]),
    }
}

impl<'b> Parts<'b> {
    /// The parts of a block that [`pack`] made.
    #[must_use]
    pub fn of(block: &'b [u8]) -> Self {
        let (count, rest) = number(block);
        let (ends, bytes) = rest.split_at_checked(4 * count).unwrap_or_default();
        Self { ends: ends.as_chunks().0, bytes }
    }

    /// A part; empty when there is none.
    #[must_use]
    pub fn part(self, index: usize) -> &'b [u8] {
        let end = |index: usize| self.ends.get(index).map(|end| u32::from_ne_bytes(*end) as usize);
        let begin = index.checked_sub(1).map_or(Some(0), end);
        let found = begin.zip(end(index)).and_then(|(begin, end)| self.bytes.get(begin..end));
        found.unwrap_or_default()
    }

    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'b [u8]> {
        (0..self.ends.len()).map(move |index| self.part(index))
    }

    /// The part that is looked for, where they are in the order of `compare`.
    pub fn find(self, mut compare: impl FnMut(&'b [u8]) -> std::cmp::Ordering) -> Option<&'b [u8]> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            let part = self.part(middle);
            match compare(part) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(part),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read(parts: Vec<Vec<u8>>) {
            let block = pack(&parts);
            let read: Vec<&[u8]> = Parts::of(&block).iter().collect();
            prop_assert_eq!(&read, &parts);
            prop_assert_eq!(Parts::of(&block).part(parts.len()), b"");
        }

        #[test]
        fn sorted_parts_are_found(parts: std::collections::BTreeSet<Vec<u8>>, other: Vec<u8>) {
            let parts: Vec<_> = parts.into_iter().collect();
            let block = pack(&parts);
            for part in parts.iter().chain([&other]) {
                let found = Parts::of(&block).find(|own| own.cmp(part));
                prop_assert_eq!(found.is_some(), parts.contains(part));
                prop_assert!(found.is_none_or(|found| found == part));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(block: Vec<u8>) {
            let parts = Parts::of(&block);
            parts.iter().for_each(drop);
            let _ = parts.find(|part| part.cmp(&b"x"[..]));
        }
    }
}
