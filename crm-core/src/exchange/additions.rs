//! What a type would need so that every column of a table has a place.
//!
//! A column for which there is no attribute gets one of its own: of the kind that a known export
//! says, or else a long text, which takes whatever a cell holds. The invariant: with all of them
//! defined, no column is without a place but those that cannot be named because they occur twice.

use std::collections::HashSet;

use super::{ColumnMapping, MappingAddition, exports::Place};
use crate::{
    Attribute, Kind, limits,
    normal::name::MAX_NAME,
    schema::{AttributeModel, TypeModel, check::RESERVED},
};

/// The attributes to be added, so far.
pub(super) struct Additions {
    /// Names that attributes and their columns have already.
    taken: HashSet<String>,
    /// How many more a type may have.
    room: usize,
    found: Vec<MappingAddition>,
}

impl Additions {
    pub(super) fn new(model: &TypeModel) -> Self {
        let mut taken: HashSet<String> = RESERVED.iter().map(|name| (*name).to_owned()).collect();
        for attribute in &model.attributes {
            taken.extend(attribute.column_names());
            taken.insert(attribute.name().to_owned());
        }
        let room = limits::ATTRIBUTES_PER_TYPE.saturating_sub(model.attributes.len());
        Self { taken, room, found: Vec::new() }
    }

    /// Adds the attribute of a place, or a part of one that is added already; says whether it could.
    pub(super) fn place(&mut self, place: &Place) -> bool {
        let name = place.target.split_once('.').map_or(place.target, |(name, _)| name);
        let column = mapping(place);
        let added = self.found.iter_mut().find(|addition| addition.attribute.name == name);
        if let Some(addition) = added {
            // Parts of one value; another column for the same value has to go elsewhere.
            let is_part = place.kind == Kind::Address;
            if is_part {
                addition.columns.push(column);
            }
            return is_part;
        }
        let attribute = Attribute::new(name, place.kind).personal();
        let attribute = if place.is_id { attribute.unique() } else { attribute };
        self.add(attribute, column)
    }

    /// Adds a long text for a column of this name.
    pub(super) fn text(&mut self, column: &str) {
        let plain = plain(column);
        let mut name = plain.clone();
        let mut number = 2;
        while self.taken.contains(&name) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        let attribute = Attribute::new(name.clone(), Kind::LongText).personal();
        let is_label = column.len() <= limits::LABEL_BYTES;
        let label = if is_label { column.to_owned() } else { String::new() };
        self.add(Attribute { label, ..attribute }, ColumnMapping::new(column, name));
    }

    fn add(&mut self, attribute: Attribute, column: ColumnMapping) -> bool {
        let Ok(model) = AttributeModel::new(0, attribute, None) else { return false };
        let names: Vec<_> = model.column_names().chain([model.name().to_owned()]).collect();
        if self.room == 0 || names.iter().any(|name| self.taken.contains(name)) {
            return false;
        }
        self.room -= 1;
        self.taken.extend(names);
        self.found.push(MappingAddition { attribute: model.definition, columns: vec![column] });
        true
    }

    pub(super) fn finish(self) -> Vec<MappingAddition> {
        self.found
    }
}

/// The mapping of a known column.
pub(super) fn mapping(place: &Place) -> ColumnMapping {
    let format = place.format.map(str::to_owned);
    let time_zone = (place.kind == Kind::Timestamp).then(|| "UTC".to_owned());
    ColumnMapping { format, time_zone, ..ColumnMapping::new(place.column, place.target) }
}

/// The name of an attribute for a column: small letters, digits and `_`, with room for a number.
fn plain(column: &str) -> String {
    let mut name = String::new();
    for sign in column.chars() {
        match sign.to_ascii_lowercase() {
            sign if sign.is_ascii_alphanumeric() => name.push(sign),
            _ if !name.is_empty() && !name.ends_with('_') => name.push('_'),
            _ => {}
        }
    }
    name.truncate(MAX_NAME - 6);
    let name = name.trim_end_matches('_');
    match name.starts_with(|first: char| first.is_ascii_lowercase()) {
        true => name.to_owned(),
        false => format!("column_{name}").trim_end_matches('_').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_any_name_gets_an_attribute() {
        let model = TypeModel::new(1, "t".into(), String::new(), String::new(), None, Vec::new());
        let mut additions = Additions::new(&model);
        let long = "x".repeat(2000);
        let columns = [
            "id",
            "Größe (cm)",
            "property_hs_all-funky-a9384-syntax",
            "2024",
            "",
            "ID",
            &long,
            "%",
        ];
        columns.iter().for_each(|column| additions.text(column));
        let found = additions.finish();
        let names: Vec<_> = found.iter().map(|one| one.attribute.name.as_str()).collect();
        assert_eq!(
            names[..6],
            [
                "id_2",
                "gr_e_cm",
                "property_hs_all_funky_a9384_syntax",
                "column_2024",
                "column",
                "id_3"
            ]
        );
        assert_eq!((names[6].len(), names[7]), (57, "column_2"));
        for addition in found {
            assert!(AttributeModel::new(1, addition.attribute, None).is_ok());
        }
    }
}
