//! What a card says, put where the mapping wants it; and what is left of the card then.
//!
//! A value that an attribute takes is taken out of its property. What stays is the remainder: the
//! other properties as they are, and of those that were emptied the ones that say more than their
//! name, such as `TEL;TYPE=CELL:`. The invariant: whatever is not taken stays.

use super::{CardFault, Places, Property, places::Place, property::Param, restore};
use crate::{
    Address, Date, Error, ErrorKind, Kind, Result, Value,
    cell::Cell,
    limits, normal,
    schema::{AttributeModel, TypeModel},
};

/// Where the country stands in an address, and where street, city, region and postal code do.
const COUNTRY: usize = 6;
const ADDRESS: [usize; 5] = [2, 3, 4, 5, COUNTRY];

/// A value for an attribute, or what is needed to make one.
pub(crate) enum Found {
    /// The value.
    Value(Value),
    /// The name of a record that is to be created and referred to.
    Record(String),
    /// Bytes to be stored.
    File { content: Vec<u8>, name: String, media_type: String },
}

/// A value and the place of its attribute.
pub(crate) struct Wanted {
    pub(crate) attribute: usize,
    pub(crate) found: Found,
}

/// A card whose values were taken.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) faults: Vec<CardFault>,
}

impl Places {
    /// Puts what a card says in its place; what is left of the properties becomes a value of the
    /// remainder, or is reported. `find` says which record a reference means by a name.
    ///
    /// # Errors
    ///
    /// Those of `find` that concern more than a card.
    pub(crate) fn place(
        &self,
        model: &TypeModel,
        mut properties: Vec<Property>,
        mut find: impl FnMut(&AttributeModel, &str) -> Result<Found>,
    ) -> Result<Placed> {
        let mut placed = Placed::default();
        let mut work = Work {
            taken: vec![false; properties.len()],
            model,
            has_name: properties.iter().any(|property| property.is("N") && !property.is_blank()),
        };
        for place in &self.places {
            if placed.wanted.iter().any(|wanted| wanted.attribute == place.attribute) {
                continue;
            }
            if let Some(found) = work.take(place, &mut properties, &mut placed.faults, &mut find)? {
                placed.wanted.push(Wanted { attribute: place.attribute, found });
            }
        }
        let rest = self.rest(properties, &work.taken, &placed.wanted);
        self.keep(model, rest, &mut placed);
        Ok(placed)
    }

    /// What is left when values were taken.
    fn rest(&self, properties: Vec<Property>, taken: &[bool], wanted: &[Wanted]) -> Vec<Property> {
        let text = |attribute: usize| {
            let wanted = wanted.iter().find(|wanted| wanted.attribute == attribute)?;
            match &wanted.found {
                Found::Value(Value::Text(text)) => Some(text.clone()),
                Found::Record(name) => Some(name.clone()),
                _ => None,
            }
        };
        let name = restore::Name::new(self, &properties, text);
        let is_mapped =
            |property: &Property| self.places.iter().any(|place| property.is(&place.property));
        let mut rest = Vec::with_capacity(properties.len());
        for (mut property, taken) in properties.into_iter().zip(taken) {
            let says_nothing = match taken {
                true => property.group.is_none() && property.params.is_empty(),
                // An empty property would pass for one whose value was taken out.
                false => is_mapped(&property),
            };
            if says_nothing && property.is_blank() {
                continue;
            }
            // What was not taken must not pass for a place that something was taken out of.
            if !taken && property.is("ADR") && is_mapped(&property) && restore::is_open(&property) {
                property.params.push(Param::new(restore::FREE, "1"));
            }
            if property.is("FN") && !property.is_blank() {
                if name.full == property.text()
                    && property.group.is_none()
                    && property.params.is_empty()
                {
                    continue;
                }
                if !name.is_within(&property.text()) {
                    property.params.push(Param::new(restore::FREE, "1"));
                }
            }
            rest.push(property);
        }
        rest
    }

    /// Keeps the rest in the attribute for it, as much as that holds; reports what is not kept.
    fn keep(&self, model: &TypeModel, rest: Vec<Property>, placed: &mut Placed) {
        let Some(attribute) = self.remainder else {
            for property in rest.iter().filter(|property| !property.is_blank()) {
                placed.faults.push((Some(property.name.to_uppercase()), no_place()));
            }
            return;
        };
        let mut lines: Vec<(String, String)> =
            rest.iter().map(|property| (property.name.to_uppercase(), property.line())).collect();
        let mut bytes: usize = lines.iter().map(|(_, line)| line.len() + 1).sum();
        while bytes > limits::LONG_TEXT_BYTES {
            let sizes = lines.iter().enumerate().map(|(place, (_, line))| (line.len(), place));
            let Some((length, largest)) = sizes.max() else { break };
            bytes -= length + 1;
            let (name, _) = lines.remove(largest);
            placed.faults.push((Some(name), too_large()));
        }
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        let value = match lines.is_empty() {
            true => Value::Null,
            false => Value::Text(lines.join("\n")),
        };
        match fits(&model.attributes[attribute], value.clone()) {
            Ok(()) => placed.wanted.push(Wanted { attribute, found: Found::Value(value) }),
            Err(error) => placed.faults.push((None, error)),
        }
    }
}

struct Work<'m> {
    /// Of which properties something was taken.
    taken: Vec<bool>,
    model: &'m TypeModel,
    /// Whether the card has a name in parts.
    has_name: bool,
}

impl Work<'_> {
    /// Takes the value of an attribute out of the first property that has one which fits.
    fn take(
        &mut self,
        place: &Place,
        properties: &mut [Property],
        faults: &mut Vec<CardFault>,
        find: &mut impl FnMut(&AttributeModel, &str) -> Result<Found>,
    ) -> Result<Option<Found>> {
        if place.property == "FN" && self.has_name {
            return Ok(None);
        }
        let attribute = &self.model.attributes[place.attribute];
        for number in candidates(place, properties) {
            // A part may be taken of a property whose other parts are.
            if self.taken[number] && place.part.is_none() {
                continue;
            }
            let property = &mut properties[number];
            let found = match read(place, attribute, property, find) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) if !crate::record::concerns_one_row(error.kind()) => return Err(error),
                Err(error) => {
                    faults.push((Some(place.property.clone()), error));
                    continue;
                }
            };
            if let Err(error) = take_out(place, attribute, property) {
                faults.push((Some(place.property.clone()), error));
            }
            self.taken[number] = true;
            return Ok(Some(found));
        }
        Ok(None)
    }
}

/// The properties that a place may take, the preferred ones first.
fn candidates(place: &Place, properties: &[Property]) -> Vec<usize> {
    let is_meant = |property: &Property| {
        property.is(&place.property)
            && !property.is_blank()
            && !property.is_kept_as_bytes()
            && place.label.as_ref().is_none_or(|label| property.has_type(label))
    };
    let found = properties.iter().enumerate().filter(|(_, property)| is_meant(property));
    let mut found: Vec<_> =
        found.map(|(number, property)| (property.preference(), number)).collect();
    found.sort_unstable();
    // Of a name in parts there is one only; another one says the same in another script.
    if place.part.is_some() {
        found.sort_unstable_by_key(|(_, number)| *number);
        found.truncate(1);
    }
    found.into_iter().map(|(_, number)| number).collect()
}

/// The value that a property has for an attribute; `None` if it says nothing that could be one.
fn read(
    place: &Place,
    attribute: &AttributeModel,
    property: &Property,
    find: &mut impl FnMut(&AttributeModel, &str) -> Result<Found>,
) -> Result<Option<Found>> {
    let text = match place.part {
        Some(part) => {
            property.components().get(part).map(|part| part.join(", ")).unwrap_or_default()
        }
        None => property.text(),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let value = match attribute.definition.kind {
        Kind::Address => match address(property) {
            Some(address) => Value::Address(address),
            None => return Ok(None),
        },
        Kind::Date => Value::Text(date(&text)?.to_string()),
        Kind::Timestamp => Value::Text(timestamp(&text)),
        Kind::Choices => Value::List(property.items()),
        Kind::Email => Value::Text(without_scheme(&text, "mailto:").to_owned()),
        Kind::Phone => Value::Text(without_scheme(&text, "tel:").to_owned()),
        Kind::Reference => return find(attribute, &text).map(Some),
        Kind::File => {
            let Some((content, media_type)) = property.binary()? else { return Ok(None) };
            return file(attribute, property, content, media_type).map(Some);
        }
        _ => Value::Text(text),
    };
    fits(attribute, value.clone())?;
    Ok(Some(Found::Value(value)))
}

/// Takes the value out of its property. A country that is not a code stays, and is an error.
fn take_out(place: &Place, attribute: &AttributeModel, property: &mut Property) -> Result<()> {
    if let Some(part) = place.part {
        property.set_component(part, "");
        return Ok(());
    }
    if attribute.definition.kind == Kind::Address {
        let components = property.components();
        let country = components.get(COUNTRY).map(|part| part.join(", ")).unwrap_or_default();
        let country = match country.trim().is_empty() {
            true => Ok(""),
            false => normal::country::country(&country),
        };
        for part in ADDRESS.into_iter().filter(|part| *part != COUNTRY || country.is_ok()) {
            if part < components.len() {
                property.set_component(part, "");
            }
        }
        return country.map(drop);
    }
    property.value.clear();
    Ok(())
}

/// The address that the parts of `ADR` make, without post-office box and extension.
fn address(property: &Property) -> Option<Address> {
    let parts = property.components();
    let part = |place: usize| {
        let text = parts.get(place)?.join(", ");
        (!text.trim().is_empty()).then_some(text)
    };
    let country = part(COUNTRY);
    let code = country.and_then(|country| normal::country::country(&country).ok());
    let address = Address {
        street: part(2),
        city: part(3),
        region: part(4),
        postal_code: part(5),
        country: code.map(str::to_owned),
    };
    (address != Address::default()).then_some(address)
}

/// A whole date: `1980-03-22`, `19800322`, or one of these with a time after it.
fn date(text: &str) -> Result<Date> {
    let text = text.trim();
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let digits: String = day.chars().filter(|sign| *sign != '-').collect();
    let is_whole = matches!(day.len(), 8 | 10) && digits.len() == 8 && !day.starts_with('-');
    if !is_whole || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::new(ErrorKind::InvalidValue, "this is no whole date")
            .with_hint("write year, month and day, such as 1980-03-22"));
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap_or_default();
    let year = i32::try_from(number(0..4)).unwrap_or_default();
    Date::from_ymd(year, number(4..6), number(6..8))
}

/// A moment in the form of RFC 3339, where it is written as `20080424T195243Z`.
fn timestamp(text: &str) -> String {
    let text = text.trim();
    let is_basic = text.len() >= 16 && text.as_bytes()[8] == b'T' && text.is_ascii();
    match is_basic && text[..8].bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!(
            "{}-{}-{}T{}:{}:{}",
            &text[..4],
            &text[4..6],
            &text[6..8],
            &text[9..11],
            &text[11..13],
            &text[13..]
        ),
        false => text.to_owned(),
    }
}

fn without_scheme<'t>(text: &'t str, scheme: &str) -> &'t str {
    match text.trim().split_at_checked(scheme.len()) {
        Some((head, rest)) if head.eq_ignore_ascii_case(scheme) => rest,
        _ => text.trim(),
    }
}

fn file(
    attribute: &AttributeModel,
    property: &Property,
    content: Vec<u8>,
    media_type: Option<String>,
) -> Result<Found> {
    if content.len() > limits::FILE_BYTES {
        return Err(too_large().with_field(attribute.name()));
    }
    let media_type = media_type.unwrap_or_else(|| "application/octet-stream".into());
    crate::record::check_media_type(&media_type)?;
    let ending = match media_type.rsplit_once('/') {
        Some((_, "jpeg")) => "jpg",
        Some((_, ending)) if ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) => ending,
        _ => "bin",
    };
    let name = format!("{}.{ending}", property.name.to_ascii_lowercase());
    Ok(Found::File { content, name, media_type })
}

/// Judges a value as writing it would.
fn fits(attribute: &AttributeModel, value: Value) -> Result<()> {
    attribute.encode(value, &mut vec![Cell::Null; attribute.width()])
}

fn no_place() -> Error {
    Error::new(ErrorKind::UnknownAttribute, "no attribute takes this property")
        .with_hint("map it, or define the attribute vcard of kind long_text, which keeps the rest")
}

fn too_large() -> Error {
    Error::new(ErrorKind::LimitExceeded, "the property is too large to be kept")
        .with_hint("map it to an attribute of kind file")
}
