//! Stretches of the calendar into which days are put.
//!
//! A bucket is named by its first day, so that buckets sort, subtract and compare like dates. Weeks
//! begin on Monday (ISO 8601).

use serde::{Deserialize, Serialize};

use crate::Date;

/// A stretch of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Bucket {
    /// One day.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// A year of the calendar.
    Year,
}

impl Bucket {
    /// Every one.
    pub const ALL: &'static [Self] =
        &[Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// The first day of the bucket in which a day lies, both in days since 1970; `None` for what is no
/// day of the years 0001 to 9999.
pub(crate) fn start(days: i64, bucket: Bucket) -> Option<i64> {
    let date = Date::from_days(i32::try_from(days).ok()?).ok()?;
    let (year, month, _) = date.ymd();
    let first = match bucket {
        Bucket::Day => return Some(days),
        // 1 January 1970 was a Thursday. The first day of the year 1 was a Monday.
        Bucket::Week => return Some(days - (days + 3).rem_euclid(7)),
        Bucket::Month => Date::from_ymd(year, month, 1),
        Bucket::Quarter => Date::from_ymd(year, month - (month - 1) % 3, 1),
        Bucket::Year => Date::from_ymd(year, 1, 1),
    };
    first.ok().map(|date| date.days().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_its_first_day() {
        let first = |day: &str, bucket| {
            let day: Date = day.parse().unwrap();
            let start = start(day.days().into(), bucket).unwrap();
            Date::from_days(i32::try_from(start).unwrap()).unwrap().to_string()
        };
        for (day, week, month, quarter, year) in [
            ("2026-03-01", "2026-02-23", "2026-03-01", "2026-01-01", "2026-01-01"),
            ("2024-12-31", "2024-12-30", "2024-12-01", "2024-10-01", "2024-01-01"),
            ("1969-12-28", "1969-12-22", "1969-12-01", "1969-10-01", "1969-01-01"),
            ("1969-12-29", "1969-12-29", "1969-12-01", "1969-10-01", "1969-01-01"),
            ("0001-01-01", "0001-01-01", "0001-01-01", "0001-01-01", "0001-01-01"),
            ("9999-12-31", "9999-12-27", "9999-12-01", "9999-10-01", "9999-01-01"),
        ] {
            let all = Bucket::ALL.iter().map(|bucket| first(day, *bucket)).collect::<Vec<_>>();
            assert_eq!(all, [day, week, month, quarter, year]);
        }
        assert_eq!(start(i64::MAX, Bucket::Week), None);
    }

    #[test]
    fn names_are_those_of_json() {
        for bucket in Bucket::ALL {
            assert_eq!(serde_json::to_value(bucket).unwrap(), bucket.name());
        }
    }
}
