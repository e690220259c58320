//! Names of entries (RFC 4514), compared as directories mostly do: without case, and without blanks around their marks.

/// A form of a name that is the same for the same entry.
pub fn comparable_name(name: &str) -> String {
    comparable_parts(name).join(",")
}

/// Whether an entry is below another one, or is it.
pub fn is_below(name: &str, base: &str) -> bool {
    base.trim().is_empty() || comparable_parts(name).ends_with(&comparable_parts(base))
}

fn comparable_parts(name: &str) -> Vec<String> {
    let parts = parts(name).into_iter();
    let parts = parts.map(|part| match part.split_once('=') {
        Some((kind, value)) => format!("{}={}", kind.trim(), value.trim()),
        None => part.trim().to_owned(),
    });
    parts.map(|part| part.to_lowercase()).collect()
}

/// The first part of a name, if it is of this attribute: `dev` for `cn` in `cn=dev,dc=example,dc=com`. `None` for one that is
/// written in a way that has to be read with care.
pub fn first_value(name: &str, attribute: &str) -> Option<String> {
    let first = parts(name).into_iter().next()?;
    let (kind, value) = first.split_once('=')?;
    let is_plain = !value.contains(['\\', '"', '+', '#']) && !value.trim().is_empty();
    (is_plain && kind.trim().eq_ignore_ascii_case(attribute)).then(|| value.trim().to_owned())
}

/// The parts of a name: what is between commas that mean what they are.
fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut is_escaped, mut is_quoted) = (0, false, false);
    for (at, letter) in name.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                parts.push(&name[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&name[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_blanks() {
        for same in [
            "cn=Dev Ops,ou=Groups,dc=example",
            "CN=dev ops, OU=groups, DC=example",
            "cn = Dev Ops ,ou=Groups,dc=EXAMPLE",
        ] {
            assert_eq!(comparable_name(same), "cn=dev ops,ou=groups,dc=example");
        }
        assert_ne!(
            comparable_name("cn=a\\,b,dc=c"),
            comparable_name("cn=a,b,dc=c")
        );
        assert_eq!(comparable_name(""), "");
    }

    #[test]
    fn what_is_below_is_below() {
        for (name, base, is) in [
            ("cn=a,ou=groups,dc=b", "ou=groups,dc=b", true),
            ("cn=a, OU=Groups, dc=b", "ou=groups,dc=b", true),
            ("ou=groups,dc=b", "ou=groups,dc=b", true),
            ("cn=a,dc=b", "", true),
            ("cn=a,xou=groups,dc=b", "ou=groups,dc=b", false),
            ("cn=a\\,ou=groups,dc=b", "ou=groups,dc=b", false),
            ("dc=b", "ou=groups,dc=b", false),
        ] {
            assert_eq!(is_below(name, base), is, "{name} below {base}");
        }
    }

    #[test]
    fn a_group_is_called_by_its_first_part() {
        let dev = Some("Dev Ops".to_owned());
        assert_eq!(first_value("CN = Dev Ops ,dc=b", "cn"), dev);
        for name in [
            "ou=a,dc=b",
            "cn=a\\,b,dc=c",
            "cn=a+sn=b,dc=c",
            "cn=#0401,dc=c",
            "cn=",
            "",
            "a",
        ] {
            assert_eq!(first_value(name, "cn"), None, "{name}");
        }
    }
}
