//! Reading bytes in order without ever reading past the end. Knows no format.

use crate::refusal::Refusal;

/// A place in the file's bytes; whatever is asked for beyond the end is [`Refusal::Cut`].
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let taken = self.rest().get(..count).ok_or(Refusal::Cut)?;
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes were taken as were asked for"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Refusal> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, the higher one first.
    pub(crate) fn u16(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_be_bytes)
    }

    /// Two bytes, the lower one first.
    pub(crate) fn u16_le(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, the highest one first.
    pub(crate) fn u32(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, the highest one first.
    #[cfg(feature = "heic")]
    pub(crate) fn u64(&mut self) -> Result<u64, Refusal> {
        self.array().map(u64::from_be_bytes)
    }

    /// Four bytes, the lowest one first.
    pub(crate) fn u32_le(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_le_bytes)
    }

    /// Where the next byte lies in the file.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Everything that has not been taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }
}
