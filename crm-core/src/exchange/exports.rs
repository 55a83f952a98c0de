//! What other programs export, and where each of their columns goes.
//!
//! An export is recognised by its header: by columns that its program always writes and no other
//! does. What a column means is known then and not inferred from its name. The invariant: a target is
//! an attribute of a preset where one means the same, and otherwise one to be added; columns that are
//! not listed, such as those of somebody's own fields, are for [`additions`](super::additions).

use crate::Kind;

/// A table that another program exports.
#[derive(Debug)]
pub(super) struct Export {
    /// The program and what its rows are, such as `hubspot_contacts`.
    pub(super) name: &'static str,
    /// The columns by which it is recognised; all of them are there.
    marks: &'static [&'static str],
    places: &'static [&'static [Place]],
}

/// Where a column goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) column: &'static str,
    /// The attribute, or `attribute.part`.
    pub(super) target: &'static str,
    /// Its kind, also where it is to be added.
    pub(super) kind: Kind,
    /// Whether it tells records apart in the program that the table comes from.
    pub(super) is_id: bool,
    pub(super) format: Option<&'static str>,
}

impl Export {
    pub(super) fn places(&self) -> impl Iterator<Item = &'static Place> {
        self.places.iter().copied().flatten()
    }
}

/// The export that has this header; the one with the most marks, if there are several.
pub(super) fn recognise(header: &[String]) -> Option<&'static Export> {
    let has = |mark: &&str| header.iter().any(|column| column == mark);
    let known = EXPORTS.iter().filter(|export| export.marks.iter().all(has));
    known.max_by_key(|export| export.marks.len())
}

/// A moment as database exports write it, in UTC, with or without a fraction.
const MOMENT: &str = "%Y-%m-%d %H:%M:%S%.f";

const fn at(kind: Kind, column: &'static str, target: &'static str) -> Place {
    Place { column, target, kind, is_id: false, format: None }
}

const fn id(column: &'static str, target: &'static str) -> Place {
    Place { is_id: true, ..at(Kind::Text, column, target) }
}

const fn text(column: &'static str, target: &'static str) -> Place {
    at(Kind::Text, column, target)
}

const fn long(column: &'static str, target: &'static str) -> Place {
    at(Kind::LongText, column, target)
}

const fn email(column: &'static str, target: &'static str) -> Place {
    at(Kind::Email, column, target)
}

const fn phone(column: &'static str, target: &'static str) -> Place {
    at(Kind::Phone, column, target)
}

const fn part(column: &'static str, target: &'static str) -> Place {
    at(Kind::Address, column, target)
}

const fn moment(column: &'static str, target: &'static str) -> Place {
    Place { format: Some(MOMENT), ..at(Kind::Timestamp, column, target) }
}

const fn day(column: &'static str, target: &'static str, format: Option<&'static str>) -> Place {
    Place { format, ..at(Kind::Date, column, target) }
}

/// The first letters of a column, and the attribute of an address: its parts as Salesforce and others
/// write them. Countries are words there and no codes, so that they are a text of their own.
macro_rules! address {
    ($before:literal, $street:literal, $city:literal, $region:literal, $code:literal, $target:literal) => {
        &[
            part(concat!($before, $street), concat!($target, ".street")),
            part(concat!($before, $city), concat!($target, ".city")),
            part(concat!($before, $region), concat!($target, ".region")),
            part(concat!($before, $code), concat!($target, ".postal_code")),
        ]
    };
}

const EXPORTS: &[Export] = &[
    Export {
        name: "hubspot_contacts",
        marks: &["id", "property_email", "property_firstname", "property_lastname"],
        places: &[
            &[
                id("id", "hubspot_id"),
                email("property_email", "email"),
                text("property_firstname", "given_name"),
                text("property_lastname", "family_name"),
                text("property_jobtitle", "job_title"),
                text("property_company", "company_name"),
                phone("property_phone", "phone"),
                moment("property_createdate", "hubspot_created_at"),
            ],
            address!("property_", "address", "city", "state", "zip", "address"),
        ],
    },
    Export {
        name: "hubspot_companies",
        marks: &["id", "property_name", "property_industry"],
        places: &[
            &[
                id("id", "hubspot_id"),
                text("property_name", "name"),
                text("property_domain", "domain"),
                at(Kind::Url, "property_website", "website"),
                text("property_industry", "industry"),
                long("property_description", "description"),
                phone("property_phone", "phone"),
                moment("property_createdate", "hubspot_created_at"),
            ],
            address!("property_", "address", "city", "state", "zip", "address"),
        ],
    },
    Export {
        name: "hubspot_deals",
        marks: &["deal_id", "property_dealname", "property_amount"],
        places: &[&[
            id("deal_id", "hubspot_id"),
            text("property_dealname", "name"),
            long("property_description", "description"),
            moment("property_createdate", "hubspot_created_at"),
            moment("property_closedate", "hubspot_closed_at"),
        ]],
    },
    Export {
        name: "hubspot_tickets",
        marks: &["id", "property_hs_pipeline_stage", "property_subject"],
        places: &[&[
            id("id", "hubspot_id"),
            text("property_subject", "name"),
            long("property_content", "description"),
            moment("property_createdate", "hubspot_created_at"),
            moment("property_closed_date", "hubspot_closed_at"),
        ]],
    },
    Export {
        name: "salesforce_contacts",
        marks: &["FirstName", "LastName", "MailingStreet"],
        places: &[
            SALESFORCE_IDS,
            &[
                text("FirstName", "given_name"),
                text("LastName", "family_name"),
                email("Email", "email"),
                email("npe01__HomeEmail__c", "home_email"),
                email("npe01__WorkEmail__c", "work_email"),
                phone("Phone", "phone"),
                phone("MobilePhone", "mobile_phone"),
                text("Title", "job_title"),
                day("Birthdate", "birthday", None),
                long("Description", "description"),
            ],
            address!("Mailing", "Street", "City", "State", "PostalCode", "address"),
        ],
    },
    Export {
        name: "salesforce_accounts",
        marks: &["Name", "BillingStreet", "BillingCity"],
        places: &[
            SALESFORCE_IDS,
            &[
                text("Name", "name"),
                at(Kind::Url, "Website", "website"),
                text("Industry", "industry"),
                phone("Phone", "phone"),
                long("Description", "description"),
            ],
            address!("Billing", "Street", "City", "State", "PostalCode", "address"),
        ],
    },
    Export {
        name: "salesforce_opportunities",
        marks: &["Name", "StageName", "CloseDate"],
        places: &[
            SALESFORCE_IDS,
            &[
                text("Name", "name"),
                day("CloseDate", "closed_on", None),
                long("Description", "description"),
            ],
        ],
    },
    Export {
        name: "salesforce_leads",
        marks: &["FirstName", "LastName", "Company", "IsConverted"],
        places: &[
            SALESFORCE_IDS,
            &[
                text("FirstName", "given_name"),
                text("LastName", "family_name"),
                text("Company", "company_name"),
                email("Email", "email"),
                phone("Phone", "phone"),
                text("LeadSource", "source"),
            ],
        ],
    },
    Export {
        name: "salesforce_accounts_and_contacts",
        marks: &["Account: Account Name", "Contact: First Name", "Contact: Last Name"],
        places: &[&[
            text("Account: Account Name", "company_name"),
            text("Contact: First Name", "given_name"),
            text("Contact: Last Name", "family_name"),
            text("Contact: Title", "job_title"),
            text("Contact: Phone", "phone_number"),
            email("Contact: Email", "email"),
        ]],
    },
    Export {
        name: "zendesk_users",
        marks: &["id", "email", "organization_id", "ticket_restriction"],
        places: &[&[
            id("id", "zendesk_id"),
            text("name", "full_name"),
            email("email", "email"),
            phone("phone", "phone"),
            at(Kind::Locale, "locale", "locale"),
            moment("created_at", "zendesk_created_at"),
            moment("updated_at", "zendesk_updated_at"),
        ]],
    },
    Export {
        name: "zendesk_organisations",
        marks: &["id", "name", "shared_tickets", "shared_comments"],
        places: &[&[
            id("id", "zendesk_id"),
            text("name", "name"),
            long("details", "description"),
            moment("created_at", "zendesk_created_at"),
            moment("updated_at", "zendesk_updated_at"),
        ]],
    },
    Export {
        name: "zendesk_tickets",
        marks: &["id", "subject", "requester_id", "allow_channelback"],
        places: &[&[
            id("id", "zendesk_id"),
            text("subject", "name"),
            long("description", "description"),
            moment("created_at", "zendesk_created_at"),
            moment("updated_at", "zendesk_updated_at"),
        ]],
    },
    Export {
        name: "mailchimp_members",
        marks: &["id", "email_address", "unique_email_id", "member_rating"],
        places: &[&[
            id("id", "mailchimp_id"),
            email("email_address", "email"),
            text("merge_fname", "given_name"),
            text("merge_lname", "family_name"),
            at(Kind::Country, "country_code", "country"),
            at(Kind::Locale, "language", "locale"),
            at(Kind::TimeZone, "timezone", "time_zone"),
            moment("timestamp_signup", "mailchimp_signed_up_at"),
            moment("last_changed", "mailchimp_changed_at"),
        ]],
    },
    Export {
        name: "mailchimp_campaigns",
        marks: &["id", "list_id", "subject_line", "archive_url", "winning_campaign_id"],
        places: &[&[
            id("id", "mailchimp_id"),
            text("title", "name"),
            moment("create_time", "mailchimp_created_at"),
            moment("send_time", "mailchimp_sent_at"),
        ]],
    },
    Export {
        name: "mailchimp_audiences",
        marks: &["id", "permission_reminder", "subscribe_url_long", "name"],
        places: &[&[
            id("id", "mailchimp_id"),
            text("name", "name"),
            moment("date_created", "mailchimp_created_at"),
        ]],
    },
    Export {
        name: "google_contacts",
        marks: &["First Name", "Last Name", "E-mail 1 - Value", "Organization Name"],
        places: &[
            &[
                text("First Name", "given_name"),
                text("Last Name", "family_name"),
                text("Organization Name", "company_name"),
                text("Organization Title", "job_title"),
            ],
            GOOGLE,
        ],
    },
    Export {
        name: "google_contacts_of_old",
        marks: &["Given Name", "Family Name", "E-mail 1 - Value", "Yomi Name"],
        places: &[
            &[
                text("Given Name", "given_name"),
                text("Family Name", "family_name"),
                text("Organization 1 - Name", "company_name"),
                text("Organization 1 - Title", "job_title"),
            ],
            GOOGLE,
        ],
    },
    Export {
        name: "outlook_contacts",
        marks: &["First Name", "Last Name", "E-mail Address", "Business Phone", "Telex"],
        places: &[
            &[
                text("First Name", "given_name"),
                text("Last Name", "family_name"),
                text("Company", "company_name"),
                text("Job Title", "job_title"),
                email("E-mail Address", "email"),
                email("E-mail 2 Address", "email_2"),
                email("E-mail 3 Address", "email_3"),
                long("Notes", "description"),
                day("Birthday", "birthday", Some("%m/%d/%Y")),
                day("Anniversary", "anniversary", Some("%m/%d/%Y")),
            ],
            address!("Home ", "Street", "City", "State", "Postal Code", "address"),
            address!("Business ", "Street", "City", "State", "Postal Code", "business_address"),
            address!("Other ", "Street", "City", "State", "Postal Code", "other_address"),
        ],
    },
];

/// What any export of Salesforce calls the id of a record.
const SALESFORCE_IDS: &[Place] = &[id("Id", "salesforce_id"), id("sf_id", "salesforce_id")];

/// The columns that Google's tables have in common. Telephone numbers have no country there, so that
/// only what the user wrote is kept.
const GOOGLE: &[Place] = &[
    email("E-mail 1 - Value", "email"),
    email("E-mail 2 - Value", "email_2"),
    email("E-mail 3 - Value", "email_3"),
    email("E-mail 4 - Value", "email_4"),
    day("Birthday", "birthday", None),
    long("Notes", "description"),
    part("Address 1 - Street", "address.street"),
    part("Address 1 - City", "address.city"),
    part("Address 1 - Region", "address.region"),
    part("Address 1 - Postal Code", "address.postal_code"),
    part("Address 2 - Street", "address_2.street"),
    part("Address 2 - City", "address_2.city"),
    part("Address 2 - Region", "address_2.region"),
    part("Address 2 - Postal Code", "address_2.postal_code"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_export_is_recognised_by_its_marks_and_no_two_are_confused() {
        let mut names = BTreeSet::new();
        for export in EXPORTS {
            let header: Vec<_> = export.marks.iter().map(|mark| (*mark).to_owned()).collect();
            assert_eq!(recognise(&header).map(|found| found.name), Some(export.name));
            assert!(names.insert(export.name));
        }
        assert!(recognise(&["name".into(), "email".into()]).is_none());
        assert!(recognise(&[]).is_none());
    }

    #[test]
    fn no_export_has_a_column_twice() {
        for export in EXPORTS {
            let columns: Vec<_> = export.places().map(|place| place.column).collect();
            let distinct: BTreeSet<_> = columns.iter().collect();
            assert_eq!(distinct.len(), columns.len(), "{}", export.name);
        }
    }
}
