//! Cards out of a stream of bytes, one at a time.
//!
//! Lines are joined where they were folded, in each of the three ways that the versions know. The
//! invariant: what is held is at most one card of limited size, and every line of the source ends up
//! in a property or in a fault. What the properties mean is not asked here.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::Encoding;

use super::{
    super::encoding::{self, Utf8Reader},
    CardVersion, Property,
    property::{escape, one_line, split_value},
};
use crate::{Error, ErrorKind, Result, limits};

/// A card as it was read.
pub(crate) struct Card {
    /// Counted from 1.
    pub(crate) number: u64,
    /// In the order of the card, without `VERSION`.
    pub(crate) properties: Vec<Property>,
    /// What does not fit, with the name of the property where it has one.
    pub(crate) faults: Vec<CardFault>,
    /// Whether it is no more than may be held.
    pub(crate) is_whole: bool,
}

/// What is wrong with a card: with which property, if it is one, and what.
pub(crate) type CardFault = (Option<String>, Error);

/// Reads cards one after the other.
pub(crate) struct CardReader<R> {
    source: BufReader<Utf8Reader<R>>,
    /// For text that is neither UTF-8 nor says what it is.
    fallback: Option<&'static Encoding>,
    /// The line that comes next, without its end; `None` at the end of the source.
    next: Option<Vec<u8>>,
    number: u64,
    bytes: usize,
}

impl<R: Read> CardReader<R> {
    /// Begins to read; `encoding` is the label of the WHATWG Encoding Standard for text that does
    /// not say its charset and is not UTF-8.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if there is no such encoding; `Io`.
    pub(crate) fn open(source: R, encoding: Option<&str>) -> Result<Self> {
        let fallback = encoding.map(encoding::find).transpose()?;
        // Of these every byte belongs to a pair, so that the source must be read in them as a whole.
        let wide = fallback.filter(|encoding| !encoding.is_ascii_compatible());
        let source = Utf8Reader::new(source, wide).map_err(read_error)?;
        let mut reader =
            Self { source: BufReader::new(source), fallback, next: None, number: 0, bytes: 0 };
        reader.go_on()?;
        Ok(reader)
    }

    /// How many bytes of the source have been read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.source.get_ref().bytes_read()
    }

    /// The next card; `None` at the end of the source. Lines between two cards are faults of the
    /// card after them, or come alone, with number 0, after the last one.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub(crate) fn next_card(&mut self) -> Result<Option<Card>> {
        let mut stray = 0u64;
        loop {
            match &self.next {
                None => return Ok((stray > 0).then(|| outside(0))),
                Some(line) if is_mark(line, "BEGIN") => break,
                Some(line) => stray += u64::from(!line.iter().all(u8::is_ascii_whitespace)),
            }
            self.go_on()?;
        }
        self.number += 1;
        let mut card = outside(self.number);
        if stray == 0 {
            card.faults.clear();
        }
        card.is_whole = true;
        self.go_on()?;
        self.read_card(&mut card)?;
        Ok(Some(card))
    }

    fn read_card(&mut self, card: &mut Card) -> Result<()> {
        let mut version = CardVersion::V3;
        self.bytes = 0;
        loop {
            if self.is_at_begin() {
                card.faults.push((None, cut_short("another card begins before END:VCARD")));
                return Ok(());
            }
            let Some(line) = self.logical_line()? else {
                card.faults.push((None, cut_short("the card has no END:VCARD")));
                return Ok(());
            };
            if is_mark(&line, "END") {
                return Ok(());
            }
            if self.bytes > limits::CARD_BYTES || card.properties.len() >= limits::CARD_PROPERTIES {
                self.skip_card()?;
                let message = format!(
                    "the card has more than {} bytes or {} properties",
                    limits::CARD_BYTES,
                    limits::CARD_PROPERTIES
                );
                let error = Error::new(ErrorKind::LimitExceeded, message)
                    .with_hint("look for a card that was cut");
                card.faults.push((None, error));
                card.is_whole = false;
                return Ok(());
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match Property::parse(&line, version, self.fallback) {
                Ok((property, _)) if property.is("VERSION") => {
                    match CardVersion::find(&property.text()) {
                        Some(found) => version = found,
                        None => card.faults.push((Some("VERSION".into()), no_version())),
                    }
                }
                Ok((mut property, fault)) => {
                    if property.is("AGENT") && property.is_blank() && self.is_at_begin() {
                        property.value = self.nested_card()?;
                    }
                    card.faults
                        .extend(fault.map(|fault| (Some(property.name.to_uppercase()), fault)));
                    card.properties.push(property);
                }
                Err(error) => card.faults.push((None, error)),
            }
        }
    }

    fn is_at_begin(&self) -> bool {
        self.next.as_deref().is_some_and(|line| is_mark(line, "BEGIN"))
    }

    /// The card within a property of vCard 2.1, as vCard 3.0 writes it: as one escaped text.
    fn nested_card(&mut self) -> Result<String> {
        let (mut text, mut depth) = (String::new(), 0u32);
        while let Some(line) = self.next.take() {
            depth += u32::from(is_mark(&line, "BEGIN"));
            self.bytes += line.len();
            if self.bytes <= limits::CARD_BYTES {
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
            }
            let is_end = is_mark(&line, "END");
            depth -= u32::from(is_end);
            self.go_on()?;
            if depth == 0 {
                break;
            }
        }
        Ok(one_line(&escape(&text)))
    }

    /// Goes past the end of a card that is too large.
    fn skip_card(&mut self) -> Result<()> {
        while let Some(line) = &self.next {
            if is_mark(line, "BEGIN") {
                break;
            }
            let is_end = is_mark(line, "END");
            self.go_on()?;
            if is_end {
                break;
            }
        }
        Ok(())
    }

    /// A line with those that go on with it; `None` at the end of the source.
    fn logical_line(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mut line) = self.next.take() else { return Ok(None) };
        self.bytes += line.len() + 1;
        self.go_on()?;
        let coding = Coding::of(&line);
        while self.bytes <= limits::CARD_BYTES
            && let Some(next) = &self.next
        {
            let is_soft = coding == Coding::QuotedPrintable && line.last() == Some(&b'=');
            let more = match next.first() {
                _ if is_soft && !is_mark(next, "END") => {
                    line.pop();
                    &next[..]
                }
                Some(b' ' | b'\t') => &next[1..],
                // Some writers of vCard 2.1 do not indent it.
                Some(_) if coding == Coding::Base64 && !next.contains(&b':') => &next[..],
                _ => break,
            };
            line.extend_from_slice(more);
            self.bytes += next.len() + 1;
            self.go_on()?;
        }
        Ok(Some(line))
    }

    /// Reads the next line, of which no more is held than of a card.
    fn go_on(&mut self) -> Result<()> {
        let mut line = self.next.take().unwrap_or_default();
        line.clear();
        let mut is_at_end = true;
        loop {
            self.source.get_mut().begin_row();
            let bytes = match self.source.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(error)),
            };
            if bytes.is_empty() {
                break;
            }
            is_at_end = false;
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let room = (limits::CARD_BYTES + 1).saturating_sub(line.len());
            let length = end.unwrap_or(bytes.len());
            line.extend_from_slice(&bytes[..length.min(room)]);
            let is_return = end.is_some_and(|end| bytes[end] == b'\r');
            self.source.consume(length + usize::from(end.is_some()));
            if end.is_some() {
                if is_return {
                    self.skip_newline()?;
                }
                break;
            }
        }
        self.next = (!is_at_end).then_some(line);
        Ok(())
    }

    fn skip_newline(&mut self) -> Result<()> {
        let bytes = self.source.fill_buf().map_err(read_error)?;
        if bytes.first() == Some(&b'\n') {
            self.source.consume(1);
        }
        Ok(())
    }
}

/// How a property that goes on over several lines does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    QuotedPrintable,
    Base64,
}

impl Coding {
    fn of(line: &[u8]) -> Self {
        let header = split_value(line).map_or(&[][..], |(header, _)| header);
        let params = header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let codings = params.filter_map(|param| {
            let mut parts = param.splitn(2, |byte| *byte == b'=');
            match (parts.next(), parts.next()) {
                (Some(name), Some(value)) => {
                    name.eq_ignore_ascii_case(b"ENCODING").then_some(value)
                }
                (name, _) => name,
            }
        });
        let mut codings = codings.map(<[u8]>::to_ascii_uppercase);
        codings
            .find_map(|coding| match &coding[..] {
                b"QUOTED-PRINTABLE" => Some(Self::QuotedPrintable),
                b"BASE64" | b"B" => Some(Self::Base64),
                _ => None,
            })
            .unwrap_or(Self::Plain)
    }
}

/// A card in which nothing was read yet, after lines that belong to none.
fn outside(number: u64) -> Card {
    let error = Error::new(ErrorKind::InvalidValue, "there are lines outside of any card")
        .with_hint("a card stands between BEGIN:VCARD and END:VCARD");
    Card { number, properties: Vec::new(), faults: vec![(None, error)], is_whole: false }
}

fn cut_short(message: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, message).with_hint("look for a card that was cut")
}

/// Whether a line is `BEGIN:VCARD` or `END:VCARD`.
fn is_mark(line: &[u8], mark: &str) -> bool {
    let mut parts = line.splitn(2, |byte| *byte == b':').map(<[u8]>::trim_ascii);
    let (name, value) = (parts.next(), parts.next());
    name.is_some_and(|name| name.eq_ignore_ascii_case(mark.as_bytes()))
        && value.is_some_and(|value| value.eq_ignore_ascii_case(b"VCARD"))
}

fn no_version() -> Error {
    Error::new(ErrorKind::InvalidValue, "no such version of vCard")
        .with_hint("write 2.1, 3.0 or 4.0")
}

fn read_error(error: io::Error) -> Error {
    let message = format!("the cards cannot be read: {}", error.kind());
    Error::new(ErrorKind::Io, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Option<&str>) -> Vec<Card> {
        let mut reader = CardReader::open(bytes, encoding).unwrap();
        std::iter::from_fn(|| reader.next_card().unwrap()).collect()
    }

    fn lines(text: &str) -> Vec<String> {
        let cards = read(text.as_bytes(), None);
        assert_eq!(cards.len(), 1);
        assert!(cards[0].is_whole && cards[0].faults.is_empty(), "{text}");
        cards[0].properties.iter().map(Property::line).collect()
    }

    #[test]
    fn lines_are_joined_in_each_way() {
        for (body, expected) in [
            ("NOTE:a\r\n b\r\n\tc", "NOTE:abc"),
            ("NOTE:a\n  b", "NOTE:a b"),
            ("NOTE:a\r b", "NOTE:ab"),
            ("NOTE;ENCODING=QUOTED-PRINTABLE:a=\r\nb=\r\n=C3=\r\n=A9", "NOTE:abé"),
            ("NOTE;ENCODING=QUOTED-PRINTABLE:a=", "NOTE:a="),
            ("PHOTO;ENCODING=BASE64:AAAA\nBBBB\n\n", "PHOTO;ENCODING=b:AAAABBBB"),
            ("PHOTO;ENCODING=BASE64:\n AAAA\n BBBB\n", "PHOTO;ENCODING=b:AAAABBBB"),
            (
                "AGENT:\nBEGIN:VCARD\nFN:x,y\nAGENT:\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD",
                "AGENT:BEGIN:VCARD\\nFN:x\\,y\\nAGENT:\\nBEGIN:VCARD\\nEND:VCARD\\nEND:VCARD\\n",
            ),
        ] {
            let card = format!("BEGIN:VCARD\nVERSION:2.1\n{body}\nEND:VCARD\n");
            assert_eq!(lines(&card), [expected], "{body}");
        }
    }

    #[test]
    fn wide_and_declared_encodings_are_read() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zoë\r\nEND:VCARD\r\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xFF, 0xFE], &wide[..]].concat();
        let latin: Vec<u8> = text.chars().map(|sign| sign as u32 as u8).collect();
        for (bytes, encoding) in [
            (&marked, None),
            (&wide, Some("utf-16le")),
            (&latin, Some("windows-1252")),
            (&text.as_bytes().to_vec(), Some("windows-1252")),
        ] {
            let cards = read(bytes, encoding);
            assert_eq!(cards[0].properties[0].text(), "Zoë");
        }
        assert_eq!(read(&latin, None)[0].faults.len(), 1);
        assert!(CardReader::open(&b""[..], Some("klingon")).is_err());
    }

    #[test]
    fn what_belongs_to_no_card_and_cards_without_end_are_told() {
        let text = "x\nBEGIN:VCARD\nFN:a\nno property\nBEGIN:VCARD\nVERSION:9\nFN:b\nEND:VCARD\nBEGIN:VCARD\nFN:c\n";
        let cards = read(text.as_bytes(), None);
        let seen: Vec<_> =
            cards.iter().map(|card| (card.number, card.is_whole, card.faults.len())).collect();
        assert_eq!(seen, [(1, true, 3), (2, true, 1), (3, true, 1)]);
        assert_eq!(read(b"only a line\n", None)[0].number, 0);
        assert!(read(b"\n \r\n", None).is_empty());
    }

    #[test]
    fn a_card_without_end_does_not_fill_memory() {
        let small = &b"BEGIN:VCARD\nFN:a\nEND:VCARD\n"[..];
        for endless in [&b"x"[..], b"X-A:\n", b"X-A:b\n c\n", b"\n"] {
            let body: Vec<u8> =
                endless.iter().copied().cycle().take(limits::CARD_BYTES + 4096).collect();
            let source = small
                .chain(&b"BEGIN:VCARD\nNOTE:"[..])
                .chain(&body[..])
                .chain(&b"\nEND:VCARD\n"[..])
                .chain(small);
            let mut reader = CardReader::open(source, None).unwrap();
            let cards: Vec<_> = std::iter::from_fn(|| reader.next_card().unwrap()).collect();
            let whole: Vec<_> = cards.iter().map(|card| card.is_whole).collect();
            assert_eq!(whole, [true, false, true]);
            assert_eq!(cards[1].faults.last().unwrap().1.kind(), ErrorKind::LimitExceeded);
        }
    }
}
