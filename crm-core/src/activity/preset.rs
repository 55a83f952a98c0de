//! Ready-made kinds of activities. They are plain definitions: a host may add to them or define its own.

use serde::{Deserialize, Serialize};

use super::DefineActivityKind;
use crate::{Attribute, Kind, Value};

macro_rules! presets {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $label:literal; )*) => {
        /// A ready-made kind of activity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ActivityPreset { $( $(#[$doc])* $variant, )* }

        impl ActivityPreset {
            /// Every preset.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name of the preset, which is the name of the kind.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )* }
            }
        }
    };
}

presets! {
    /// A visit of a website, from the first page to the last.
    WebVisit = "web_visit", "Web visit";
    /// A page of a website was seen.
    PageView = "page_view", "Page view";
    /// A website was searched.
    SiteSearch = "site_search", "Site search";
    /// An e-mail was sent.
    EmailSent = "email_sent", "E-mail sent";
    /// An e-mail was opened, as far as that can be told.
    EmailOpened = "email_opened", "E-mail opened";
    /// A link in an e-mail was followed.
    EmailClicked = "email_clicked", "E-mail clicked";
    /// An e-mail could not be delivered.
    EmailBounced = "email_bounced", "E-mail bounced";
    /// A telephone call.
    Call = "call", "Call";
    /// A meeting, in one place or by video.
    Meeting = "meeting", "Meeting";
    /// A letter on paper.
    Letter = "letter", "Letter";
    /// A short message to a telephone.
    Sms = "sms", "SMS";
    /// A message in a social network or messenger.
    SocialMessage = "social_message", "Social message";
    /// A form was filled in and sent.
    Form = "form", "Form";
    /// A form was sent and refused, because something in it was wrong or missing.
    FormError = "form_error", "Form error";
    /// Something was bought.
    Purchase = "purchase", "Purchase";
    /// A complaint.
    Complaint = "complaint", "Complaint";
    /// A question of a survey was answered.
    SurveyAnswer = "survey_answer", "Survey answer";
    /// A file was downloaded.
    FileDownload = "file_download", "File download";
    /// An event was attended.
    EventAttendance = "event_attendance", "Event attendance";
}

impl ActivityPreset {
    /// The definition.
    ///
    /// ```
    /// use crm_core::ActivityPreset;
    ///
    /// let view = ActivityPreset::PageView.definition();
    /// assert!(view.properties.iter().any(|property| property.name == "url"));
    /// ```
    #[must_use]
    pub fn definition(self) -> DefineActivityKind {
        let properties = self.properties();
        let label = self.label().into();
        DefineActivityKind { label, ..DefineActivityKind::new(self.name(), properties) }
    }

    /// Those of what happens on the web and by e-mail; then of the others.
    fn properties(self) -> Vec<Attribute> {
        match self {
            Self::WebVisit => vec![
                property("landing_page", "Landing page", Kind::Url),
                property("referrer", "Referrer", Kind::Url),
                property("source", "Source", Kind::Text),
                property("campaign", "Campaign", Kind::Text),
                count("pages", "Pages"),
                count("seconds", "Seconds"),
            ],
            Self::PageView => vec![
                property("url", "Address", Kind::Url).required(),
                property("title", "Title", Kind::Text),
                property("referrer", "Referrer", Kind::Url),
            ],
            Self::Form => vec![
                property("form", "Form", Kind::Text).required(),
                property("url", "Address", Kind::Url),
                property("message", "Message", Kind::LongText).personal(),
            ],
            Self::FormError => vec![
                property("form", "Form", Kind::Text).required(),
                property("url", "Address", Kind::Url),
                property("field", "Field", Kind::Text),
            ],
            Self::SiteSearch => vec![
                property("words", "Words", Kind::Text).required().personal(),
                property("url", "Address", Kind::Url),
                count("results", "Results"),
            ],
            Self::FileDownload => vec![
                property("file_name", "File", Kind::Text).required(),
                property("url", "Address", Kind::Url),
            ],
            Self::EmailSent => email(vec![]),
            Self::EmailOpened => email(vec![]),
            Self::EmailClicked => email(vec![property("url", "Address", Kind::Url)]),
            Self::EmailBounced => email(vec![
                property("bounce", "Bounce", Kind::Choice).options(["hard", "soft"]),
                property("reason", "Reason", Kind::Text).personal(),
            ]),
            _ => self.of_conversations(),
        }
    }

    /// Those of what is said and written from person to person; then of the others.
    fn of_conversations(self) -> Vec<Attribute> {
        match self {
            Self::Call => vec![
                property("phone", "Telephone", Kind::Phone).personal(),
                count("minutes", "Minutes"),
                property("outcome", "Outcome", Kind::Choice).options([
                    "reached",
                    "not_reached",
                    "busy",
                    "voicemail",
                    "wrong_number",
                ]),
                property("notes", "Notes", Kind::LongText).personal(),
            ],
            Self::Meeting => vec![
                property("title", "Title", Kind::Text).personal(),
                property("place", "Place", Kind::Text),
                count("minutes", "Minutes"),
                property("outcome", "Outcome", Kind::Choice).options([
                    "held",
                    "cancelled",
                    "no_show",
                ]),
                property("notes", "Notes", Kind::LongText).personal(),
            ],
            Self::Letter => vec![
                property("title", "Title", Kind::Text).personal(),
                property("body", "Text", Kind::LongText).personal(),
                property("document", "Document", Kind::File).personal(),
            ],
            Self::Sms => vec![
                property("phone", "Telephone", Kind::Phone).personal(),
                property("body", "Text", Kind::LongText).personal(),
                property("campaign", "Campaign", Kind::Text),
            ],
            Self::SocialMessage => vec![
                property("network", "Network", Kind::Text),
                property("handle", "Handle", Kind::Text).personal(),
                property("body", "Text", Kind::LongText).personal(),
                property("url", "Address", Kind::Url).personal(),
            ],
            _ => self.of_dealings(),
        }
    }

    /// Those of what is bought, asked, complained of and attended.
    fn of_dealings(self) -> Vec<Attribute> {
        match self {
            Self::Purchase => vec![
                property("order_id", "Order", Kind::Text),
                property("product", "Product", Kind::Text),
                Attribute {
                    minimum: Some(Value::Integer(0)),
                    scale: Some(3),
                    ..property("quantity", "Quantity", Kind::Decimal)
                },
            ],
            Self::Complaint => vec![
                property("topic", "Topic", Kind::Text),
                property("severity", "Severity", Kind::Choice).options(["low", "medium", "high"]),
                property("body", "Text", Kind::LongText).personal(),
            ],
            Self::SurveyAnswer => vec![
                property("survey", "Survey", Kind::Text),
                property("question", "Question", Kind::Text).required(),
                property("answer", "Answer", Kind::LongText).personal(),
                // Wide enough for the 0 to 10 of a recommendation, which a rating is not.
                property("rating", "Rating", Kind::Integer),
            ],
            Self::EventAttendance => vec![
                property("event", "Event", Kind::Text).required(),
                property("status", "Status", Kind::Choice).options([
                    "registered",
                    "attended",
                    "cancelled",
                    "no_show",
                ]),
                property("place", "Place", Kind::Text),
            ],
            _ => Vec::new(),
        }
    }
}

fn property(name: &str, label: &str, kind: Kind) -> Attribute {
    Attribute { label: label.into(), ..Attribute::new(name, kind) }
}

fn count(name: &str, label: &str) -> Attribute {
    Attribute { minimum: Some(Value::Integer(0)), ..property(name, label, Kind::Integer) }
}

/// What every activity about an e-mail has, so that sent, opened and clicked can be put together.
fn email(more: Vec<Attribute>) -> Vec<Attribute> {
    let mut properties = vec![
        property("email", "E-mail", Kind::Email).personal(),
        property("message_id", "Message", Kind::Text),
        property("title", "Subject line", Kind::Text).personal(),
        property("campaign", "Campaign", Kind::Text),
    ];
    properties.extend(more);
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        activity::{RESERVED_PROPERTIES, check_name},
        schema::{TypeModel, properties},
    };

    #[test]
    fn every_preset_is_a_valid_definition() {
        for preset in ActivityPreset::ALL {
            let definition = preset.definition();
            check_name(&definition.name).unwrap();
            let (name, none) = (definition.name, String::new);
            let model = TypeModel::new(1, name, none(), none(), None, Vec::new());
            properties::extend(&model, definition.properties, &RESERVED_PROPERTIES).unwrap();
        }
    }
}
