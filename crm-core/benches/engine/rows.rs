//! The rows of both sides: made from their number, so that they are the same in every run.

use std::{fs::File, io::Write as _, path::Path};

use crm_core::{Attribute, DefineType, Kind, Money, Values, values};

/// The twelve attributes, in order.
pub(crate) const COLUMNS: [&str; 12] = [
    "given_name",
    "family_name",
    "email",
    "phone",
    "job_title",
    "birthday",
    "country",
    "locale",
    "employees",
    "revenue",
    "source",
    "newsletter",
];

const SOURCES: [&str; 4] = ["web", "fair", "referral", "partner"];
const COUNTRIES: [&str; 5] = ["DE", "FR", "US", "AT", "CH"];
const LOCALES: [&str; 5] = ["de-DE", "fr-FR", "en-US", "de-AT", "de-CH"];

pub(crate) fn definition() -> DefineType {
    DefineType::new(
        "customer",
        [
            Attribute::new("given_name", Kind::Text),
            Attribute::new("family_name", Kind::Text).indexed(),
            Attribute::new("email", Kind::Email).unique(),
            Attribute::new("phone", Kind::Phone),
            Attribute::new("job_title", Kind::Text),
            Attribute::new("birthday", Kind::Date),
            Attribute::new("country", Kind::Country),
            Attribute::new("locale", Kind::Locale),
            Attribute::new("employees", Kind::Integer),
            Attribute::new("revenue", Kind::Money).currency("EUR"),
            Attribute::new("source", Kind::Choice).options(SOURCES),
            Attribute::new("newsletter", Kind::Checkbox),
        ],
    )
}

/// Scatters neighbouring numbers, so that indexes are not filled in their own order.
pub(crate) fn scatter(number: usize) -> u64 {
    let mut hash = (number as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

pub(crate) fn email(number: usize) -> String {
    format!("{:x}.{number}@example.org", scatter(number) & 0xFFFF_FFFF)
}

pub(crate) fn family_name(number: usize) -> String {
    format!("Family{:05}", scatter(number) % 20_000)
}

pub(crate) struct Row {
    pub(crate) given_name: String,
    pub(crate) family_name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) job_title: String,
    /// Days since 1970.
    pub(crate) birthday: i64,
    pub(crate) country: &'static str,
    pub(crate) locale: &'static str,
    pub(crate) employees: i64,
    /// Cents.
    pub(crate) revenue: i64,
    pub(crate) source: &'static str,
    pub(crate) newsletter: bool,
}

pub(crate) fn row(number: usize) -> Row {
    let hash = scatter(number);
    Row {
        given_name: format!("Given{}", hash % 5_000),
        family_name: family_name(number),
        email: email(number),
        phone: format!("+49301{:07}", number % 10_000_000),
        job_title: format!("Title {}", hash % 300),
        birthday: i64::try_from(hash % 20_000).unwrap(),
        country: COUNTRIES[number % 5],
        locale: LOCALES[number % 5],
        employees: i64::try_from(hash % 10_000).unwrap(),
        revenue: i64::try_from(hash % 100_000_000).unwrap(),
        source: SOURCES[number % 4],
        newsletter: number.is_multiple_of(3),
    }
}

fn date(days: i64) -> String {
    crm_core::Date::from_days(i32::try_from(days).unwrap()).unwrap().to_string()
}

fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

pub(crate) fn values(number: usize) -> Values {
    let row = row(number);
    values! {
        "given_name" => row.given_name,
        "family_name" => row.family_name,
        "email" => row.email,
        "phone" => row.phone,
        "job_title" => row.job_title,
        "birthday" => date(row.birthday),
        "country" => row.country,
        "locale" => row.locale,
        "employees" => row.employees,
        "revenue" => Money::new(amount(row.revenue), "EUR"),
        "source" => row.source,
        "newsletter" => row.newsletter,
    }
}

pub(crate) fn write_csv(path: &Path, count: usize) {
    let mut file = std::io::BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{}", COLUMNS.join(",")).unwrap();
    for number in 0..count {
        let row = row(number);
        writeln!(
            file,
            "{},{},{},{},{},{},{},{},{},{},{},{}",
            row.given_name,
            row.family_name,
            row.email,
            row.phone,
            row.job_title,
            date(row.birthday),
            row.country,
            row.locale,
            row.employees,
            amount(row.revenue),
            row.source,
            row.newsletter,
        )
        .unwrap();
    }
    file.flush().unwrap();
}
