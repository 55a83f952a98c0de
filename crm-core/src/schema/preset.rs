//! Ready-made entity types. They are plain definitions: a host may add to them or define its own.

use serde::{Deserialize, Serialize};

use super::{Attribute, DefineType, Kind};
use crate::Value;

/// A ready-made entity type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Preset {
    /// A person: names, e-mail (unique), telephone, company, birthday, address and so on.
    Contact,
    /// A company: name, domain (unique), industry, size, address and so on.
    Company,
    /// A chance to sell: name, amount, dates, contact and company.
    Deal,
    /// People who live together.
    Household,
    /// A club, authority or other body that is not a company.
    Organisation,
    /// Something that was written down; associations say about whom.
    Note,
    /// Something to be done, by whom and by when; associations say for whom.
    Task,
}

impl Preset {
    /// Every preset.
    pub const ALL: &'static [Self] = &[
        Self::Contact,
        Self::Company,
        Self::Deal,
        Self::Household,
        Self::Organisation,
        Self::Note,
        Self::Task,
    ];

    /// The presets that a new file begins with.
    pub(crate) const INITIAL: &'static [Self] = &[Self::Company, Self::Contact, Self::Deal];

    /// The name of the preset, which is the name of the entity type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Company => "company",
            Self::Deal => "deal",
            Self::Household => "household",
            Self::Organisation => "organisation",
            Self::Note => "note",
            Self::Task => "task",
        }
    }

    /// The definition.
    ///
    /// ```
    /// use crm_core::Preset;
    ///
    /// let contact = Preset::Contact.definition();
    /// assert!(contact.attributes.iter().any(|attribute| attribute.name == "email"));
    /// ```
    #[must_use]
    pub fn definition(self) -> DefineType {
        let (label, attributes) = match self {
            Self::Contact => ("Contact", contact()),
            Self::Company => ("Company", company()),
            Self::Deal => ("Deal", deal()),
            Self::Household => ("Household", household()),
            Self::Organisation => ("Organisation", organisation()),
            Self::Note => ("Note", note()),
            Self::Task => ("Task", task()),
        };
        DefineType { label: label.into(), ..DefineType::new(self.name(), attributes) }
    }
}

fn attribute(name: &str, label: &str, kind: Kind) -> Attribute {
    Attribute { label: label.into(), ..Attribute::new(name, kind) }
}

fn contact() -> Vec<Attribute> {
    vec![
        attribute("given_name", "Given name", Kind::Text).personal(),
        attribute("family_name", "Family name", Kind::Text).personal().indexed(),
        attribute("email", "E-mail", Kind::Email).personal().unique(),
        attribute("phone", "Telephone", Kind::Phone).personal(),
        attribute("company", "Company", Kind::Reference).target("company").indexed(),
        attribute("job_title", "Job title", Kind::Text).personal(),
        attribute("birthday", "Birthday", Kind::Date).personal(),
        attribute("address", "Address", Kind::Address).personal(),
        attribute("country", "Country", Kind::Country).personal(),
        attribute("locale", "Language", Kind::Locale).personal(),
        attribute("time_zone", "Time zone", Kind::TimeZone).personal(),
        attribute("source", "Source", Kind::Text),
        attribute("description", "Description", Kind::LongText).personal(),
    ]
}

fn company() -> Vec<Attribute> {
    vec![
        attribute("name", "Name", Kind::Text).required().indexed(),
        attribute("domain", "Domain", Kind::Text).unique(),
        attribute("website", "Website", Kind::Url),
        attribute("industry", "Industry", Kind::Text),
        Attribute {
            minimum: Some(Value::Integer(0)),
            ..attribute("employees", "Employees", Kind::Integer)
        },
        attribute("annual_revenue", "Annual revenue", Kind::Money),
        attribute("phone", "Telephone", Kind::Phone),
        attribute("address", "Address", Kind::Address),
        attribute("country", "Country", Kind::Country),
        attribute("description", "Description", Kind::LongText),
    ]
}

fn deal() -> Vec<Attribute> {
    vec![
        attribute("name", "Name", Kind::Text).required(),
        attribute("amount", "Amount", Kind::Money),
        attribute("opened_on", "Opened on", Kind::Date),
        attribute("closed_on", "Closed on", Kind::Date),
        attribute("company", "Company", Kind::Reference).target("company").indexed(),
        attribute("contact", "Contact", Kind::Reference).target("contact").indexed(),
        attribute("description", "Description", Kind::LongText),
    ]
}

fn household() -> Vec<Attribute> {
    vec![
        attribute("name", "Name", Kind::Text).required().personal().indexed(),
        attribute("phone", "Telephone", Kind::Phone).personal(),
        attribute("address", "Address", Kind::Address).personal(),
        attribute("description", "Description", Kind::LongText).personal(),
    ]
}

fn organisation() -> Vec<Attribute> {
    vec![
        attribute("name", "Name", Kind::Text).required().indexed(),
        attribute("registration_number", "Registration number", Kind::Text).unique(),
        attribute("website", "Website", Kind::Url),
        attribute("email", "E-mail", Kind::Email),
        attribute("phone", "Telephone", Kind::Phone),
        attribute("address", "Address", Kind::Address),
        attribute("country", "Country", Kind::Country),
        attribute("description", "Description", Kind::LongText),
    ]
}

fn note() -> Vec<Attribute> {
    vec![
        attribute("title", "Title", Kind::Text).personal(),
        attribute("body", "Text", Kind::LongText).personal(),
        attribute("author", "Author", Kind::Text).personal(),
    ]
}

fn task() -> Vec<Attribute> {
    vec![
        attribute("title", "Title", Kind::Text).required().personal(),
        attribute("body", "Text", Kind::LongText).personal(),
        attribute("due", "Due", Kind::Timestamp).indexed(),
        Attribute {
            default: Some(Value::Bool(false)),
            ..attribute("done", "Done", Kind::Checkbox).indexed()
        },
        attribute("assignee", "Assignee", Kind::Text).personal().indexed(),
        attribute("reminder", "Reminder", Kind::Timestamp).indexed(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::AttributeModel;

    #[test]
    fn every_preset_is_a_valid_definition() {
        for preset in Preset::ALL {
            for definition in preset.definition().attributes {
                AttributeModel::new(1, definition, None).unwrap();
            }
        }
    }
}
