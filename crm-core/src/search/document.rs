//! What of a row is searched: the texts of its searched attributes, as folded words in one line.
//!
//! The invariant: the line depends on the definitions and the cells alone, so that it can be made
//! anew at any time and compared with what the file holds.

use std::borrow::Cow;

use super::words::{BREAK, each_word};
use crate::{
    Kind,
    cell::Cell,
    limits,
    schema::{AttributeModel, TypeModel},
};

/// The words of a row, each followed by a space; empty if there are none.
pub(crate) fn document(model: &TypeModel, cells: &[Cell]) -> String {
    let mut line = String::new();
    for &place in &model.searched {
        let attribute = &model.attributes[place];
        let Some(text) = text_of(attribute, &cells[attribute.span()]) else { continue };
        if line.len() + BREAK.len_utf8() >= limits::SEARCHED_BYTES {
            break;
        }
        if !line.is_empty() {
            line.push(BREAK);
            line.push(' ');
        }
        each_word(&text, |_, word| {
            let has_room = line.len() + word.len() < limits::SEARCHED_BYTES;
            if has_room {
                line.push_str(word);
                line.push(' ');
            }
            has_room
        });
    }
    line
}

/// The text of a value of a searched attribute: what is searched of it, and what snippets show.
pub(super) fn text_of<'c>(attribute: &AttributeModel, cells: &'c [Cell]) -> Option<Cow<'c, str>> {
    match (attribute.definition.kind, cells) {
        // A number as it is dialled, and as people write it.
        (Kind::Phone, [Cell::Text(number), Cell::Text(typed)]) => {
            Some(format!("{number} ({typed})").into())
        }
        (Kind::Address, parts) => {
            // The country is a code, which nobody means by a word.
            let (_, parts) = parts.split_last()?;
            let parts = parts.iter().filter_map(|part| match part {
                Cell::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let text = parts.collect::<Vec<_>>().join(", ");
            (!text.is_empty()).then_some(text.into())
        }
        (_, [Cell::Text(text), ..]) => Some(text.as_str().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Value, record::Draft, values};

    fn model(attributes: impl IntoIterator<Item = Attribute>) -> TypeModel {
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|a| AttributeModel::new(0, a, None).unwrap()).collect();
        TypeModel::new(1, "t".into(), String::new(), String::new(), None, attributes)
    }

    #[test]
    fn only_searched_attributes_are_in_it_and_each_by_itself() {
        let model = model([
            Attribute::new("name", Kind::Text).searched(),
            Attribute::new("secret", Kind::Text),
            Attribute::new("mail", Kind::Email).searched(),
            Attribute::new("home", Kind::Address).searched(),
        ]);
        let values = values! {
            "name" => "Jörg", "secret" => "x", "mail" => "J@Example.org",
            "home" => crate::Address { city: Some("Łódź".into()), country: Some("PL".into()), ..Default::default() },
        };
        let cells = Draft::create(&model, values).unwrap().cells;
        assert_eq!(document(&model, &cells), "jorg ¶ j example org ¶ lodz ");
        let cells = Draft::create(&model, values! { "secret" => "x" }).unwrap().cells;
        assert_eq!(document(&model, &cells), "");
    }

    #[test]
    fn a_row_beyond_measure_is_searched_up_to_the_limit() {
        let notes: Vec<String> = (0..10).map(|number| format!("n{number}")).collect();
        let model = model(notes.iter().map(|name| Attribute::new(name, Kind::LongText).searched()));
        let mut given = crate::Values::new();
        for name in &notes {
            given.insert(name, Value::from("ab ".repeat(limits::LONG_TEXT_BYTES / 3)));
        }
        let line = document(&model, &Draft::create(&model, given).unwrap().cells);
        assert!(line.len() <= limits::SEARCHED_BYTES);
        assert!(line.len() > limits::SEARCHED_BYTES - 100);
    }
}
