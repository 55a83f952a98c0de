//! Cards as text, in each of the three versions.
//!
//! Parameters and values that one version writes in another way than the next are turned into its
//! way; all else is written as it is held. The invariant: what is written reads as the same
//! properties, and no line is longer than the versions allow.

use super::{
    CardVersion, Property,
    property::{Param, data_uri, quote, strip_suffix_ignoring_case, unescape},
};

/// Bytes of a line.
const LINE: usize = 75;

/// Appends a card to `out`.
pub(crate) fn write_card(properties: Vec<Property>, version: CardVersion, out: &mut String) {
    out.push_str("BEGIN:VCARD\r\nVERSION:");
    out.push_str(version.name());
    out.push_str("\r\n");
    // Only vCard 4.0 can do without.
    if version != CardVersion::V4 && !properties.iter().any(|property| property.is("N")) {
        out.push_str("N:;;;;\r\n");
    }
    for property in properties {
        let mut property = in_the_way_of(version, property);
        match version {
            CardVersion::V2 => write_old(&property, out),
            // A line of it that ends in `=` would be taken for one that goes on.
            _ if property.is_kept_as_bytes() => {
                let value = std::mem::take(&mut property.value);
                write_soft(&property.line(), &value, out);
            }
            _ => fold(&property.line(), out),
        }
    }
    out.push_str("END:VCARD\r\n");
}

/// The property with what this version says differently.
fn in_the_way_of(version: CardVersion, mut property: Property) -> Property {
    if version == CardVersion::V4 {
        if property.has_type("pref") {
            remove_type(&mut property, |value| value.eq_ignore_ascii_case("pref"));
            property.params.push(Param::new("PREF", "1"));
        }
        if property.is_base64() {
            let media_type =
                property.media_type().unwrap_or_else(|| "application/octet-stream".into());
            let format = media_type.rsplit_once('/').map(|(_, format)| format.to_owned());
            remove_type(&mut property, |value| {
                value.eq_ignore_ascii_case(&media_type)
                    || format.as_ref().is_some_and(|format| value.eq_ignore_ascii_case(format))
            });
            property.take("ENCODING");
            property.take("MEDIATYPE");
            property.value = format!("data:{media_type};base64,{}", property.value);
        }
        return property;
    }
    if property.param("PREF").any(|value| value == "1") {
        property.take("PREF");
        property.params.push(Param::new("TYPE", "PREF"));
    }
    let text = unescape(&property.value);
    if let Some((head, body)) = data_uri(&text)
        && let Some(media_type) = strip_suffix_ignoring_case(head, ";base64")
    {
        let format = media_type.rsplit_once('/').map_or(media_type, |(_, format)| format);
        property.take("VALUE");
        property.params.push(Param::new("ENCODING", "b"));
        property.params.push(Param::new("TYPE", &format.to_uppercase()));
        property.value = body.to_owned();
    }
    property
}

fn remove_type(property: &mut Property, is_meant: impl Fn(&str) -> bool) {
    for param in property.params.iter_mut().filter(|param| param.name.eq_ignore_ascii_case("TYPE"))
    {
        let values = param.values.iter().flat_map(|value| value.split(','));
        param.values = values.filter(|value| !is_meant(value)).map(str::to_owned).collect();
    }
    property
        .params
        .retain(|param| !param.name.eq_ignore_ascii_case("TYPE") || !param.values.is_empty());
}

/// Writes a line of vCard 3.0 or 4.0: what is too long goes on after a line break and a space.
fn fold(line: &str, out: &mut String) {
    let mut rest = line;
    let mut room = LINE;
    while rest.len() > room {
        let mut end = room;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        out.push_str(&rest[..end]);
        out.push_str("\r\n ");
        rest = &rest[end..];
        room = LINE - 1;
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

/// Writes a property of vCard 2.1, which knows neither escaped line breaks nor UTF-8 by itself.
fn write_old(property: &Property, out: &mut String) {
    let mut line = String::new();
    property.write_name(&mut line);
    let is_word = |value: &str| {
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    for param in &property.params {
        let is_type = param.name.eq_ignore_ascii_case("TYPE");
        match &param.values[..] {
            _ if param.name.eq_ignore_ascii_case("ENCODING") => {}
            values if is_type && values.iter().flat_map(|value| value.split(',')).all(is_word) => {
                for value in values.iter().flat_map(|value| value.split(',')) {
                    line.push(';');
                    line.push_str(value);
                }
            }
            _ => param.write(&mut line),
        }
    }
    if property.is_base64() {
        line.push_str(";ENCODING=BASE64:");
        out.push_str(&line);
        for piece in property.value.as_bytes().chunks(LINE - 1) {
            out.push_str("\r\n ");
            out.push_str(&String::from_utf8_lossy(piece));
        }
        out.push_str("\r\n\r\n");
        return;
    }
    let text = old_text(&property.value, property.is_text());
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if property.is_kept_as_bytes() {
        line.push_str(";ENCODING=QUOTED-PRINTABLE:");
        write_soft(&line, &property.value, out);
    } else if is_plain && line.len() + text.len() < LINE {
        line.push(':');
        out.push_str(&line);
        out.push_str(&text);
        out.push_str("\r\n");
    } else {
        line.push_str(";CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:");
        write_soft(&line, &quote(text.as_bytes()), out);
    }
}

/// The value with its line breaks as they are, and in a text the commas.
fn old_text(value: &str, is_text: bool) -> String {
    let mut text = String::with_capacity(value.len());
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match (sign, signs.clone().next()) {
            ('\\', Some('n' | 'N')) => text.push_str("\r\n"),
            ('\\', Some(',')) if is_text => text.push(','),
            ('\\', Some(next)) => text.extend([sign, next]),
            _ => {
                text.push(sign);
                continue;
            }
        }
        signs.next();
    }
    text
}

/// Writes quoted-printable in lines that end in `=` where they go on.
fn write_soft(header: &str, value: &str, out: &mut String) {
    out.push_str(header);
    let mut room = LINE.saturating_sub(header.len());
    let mut rest = value;
    while !rest.is_empty() {
        let mut end = room.min(rest.len());
        // An escape of three signs stays together.
        if end < rest.len() {
            end = (end.saturating_sub(2)..end)
                .find(|place| rest.as_bytes()[*place] == b'=')
                .unwrap_or(end);
        }
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        room = LINE;
        if !rest.is_empty() {
            out.push_str("=\r\n");
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str, version: CardVersion) -> String {
        let mut out = String::new();
        write_card(
            vec![Property::new("N", String::new()), Property::read(line).unwrap()],
            version,
            &mut out,
        );
        let body =
            out.strip_prefix(&format!("BEGIN:VCARD\r\nVERSION:{}\r\nN:\r\n", version.name()));
        body.unwrap().strip_suffix("END:VCARD\r\n").unwrap().to_owned()
    }

    #[test]
    fn each_version_is_written_in_its_way() {
        use CardVersion::{V2, V3, V4};
        for (version, line, expected) in [
            (V2, "TEL;TYPE=CELL,VOICE;PREF=1:1", "TEL;CELL;VOICE;PREF:1\r\n"),
            (V3, "TEL;TYPE=CELL;PREF=1:1", "TEL;TYPE=CELL;TYPE=PREF:1\r\n"),
            (V4, "TEL;TYPE=CELL;TYPE=PREF:1", "TEL;TYPE=CELL;PREF=1:1\r\n"),
            (
                V2,
                "NOTE:a\\nb\\, é",
                "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab, =C3=A9\r\n",
            ),
            (V3, "NOTE:a\\nb\\, é", "NOTE:a\\nb\\, é\r\n"),
            (V4, "PHOTO;ENCODING=b;TYPE=PNG:aGk=", "PHOTO:data:image/png;base64,aGk=\r\n"),
            (V3, "PHOTO:data:image/png;base64\\,aGk=", "PHOTO;ENCODING=b;TYPE=PNG:aGk=\r\n"),
            (V2, "PHOTO;ENCODING=b;TYPE=PNG:aGk=", "PHOTO;PNG;ENCODING=BASE64:\r\n aGk=\r\n\r\n"),
        ] {
            assert_eq!(written(line, version), expected);
        }
    }

    #[test]
    fn no_line_is_too_long() {
        let line = format!("NOTE:{}", "aé=\\n".repeat(100));
        for version in [CardVersion::V2, CardVersion::V3, CardVersion::V4] {
            let text = written(&line, version);
            assert!(text.lines().all(|line| line.len() <= LINE + 1), "{text}");
        }
    }
}
