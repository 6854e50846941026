//! The tables that segments set (ITU-T T.81, B.2.4): quantisation, Huffman codes and the restart interval.

use super::Damage;
use super::header::Component;
use super::huffman::Code;

/// What has been set so far; a later segment replaces what an earlier one has set.
#[derive(Default)]
pub(super) struct Tables {
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Code>; 4],
    ac: [Option<Code>; 4],
    /// As many units lie between two restart markers; 0 for no markers.
    pub(super) restart: u32,
}

impl Tables {
    /// A DQT segment (B.2.4.1): any number of tables, in zigzag order, of one or two bytes for each value.
    pub(super) fn quantisation(&mut self, mut body: &[u8]) -> Result<(), Damage> {
        while let Some((kind, rest)) = body.split_first() {
            let size = match kind >> 4 {
                0 => 1,
                1 => 2,
                _ => return Err(Damage::Table),
            };
            let (values, rest) = rest.split_at_checked(64 * size).ok_or(Damage::Table)?;
            let mut table = [0; 64];
            for (to, value) in table.iter_mut().zip(values.chunks(size)) {
                *to = value.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte));
            }
            *self.quantisation.get_mut(usize::from(kind & 15)).ok_or(Damage::Table)? = Some(table);
            body = rest;
        }
        Ok(())
    }

    /// A DHT segment (B.2.4.2): any number of codes, as counts for each length and then symbols.
    pub(super) fn huffman(&mut self, mut body: &[u8]) -> Result<(), Damage> {
        while let Some((kind, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Damage::Table)?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(count).ok_or(Damage::Table)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(Damage::Table),
            };
            *tables.get_mut(usize::from(kind & 15)).ok_or(Damage::Table)? = Some(Code::new(counts, symbols)?);
            body = rest;
        }
        Ok(())
    }

    /// A DRI segment (B.2.4.4).
    pub(super) fn restart_interval(&mut self, body: &[u8]) -> Result<(), Damage> {
        let [high, low] = *body else { return Err(Damage::Table) };
        self.restart = u16::from_be_bytes([high, low]).into();
        Ok(())
    }

    pub(super) fn quantisation_of(&self, component: &Component) -> Result<&[u16; 64], Damage> {
        self.quantisation.get(usize::from(component.table)).and_then(Option::as_ref).ok_or(Damage::Table)
    }

    pub(super) fn dc(&self, number: usize) -> Result<&Code, Damage> {
        self.dc.get(number).and_then(Option::as_ref).ok_or(Damage::Table)
    }

    pub(super) fn ac(&self, number: usize) -> Result<&Code, Damage> {
        self.ac.get(number).and_then(Option::as_ref).ok_or(Damage::Table)
    }
}
