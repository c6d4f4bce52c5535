//! Names of generated items.

use crate::model::Side;

/// Methods that every endpoint has, or that mean something else on every type.
const RESERVED_METHODS: [&str; 10] = [
    "receive",
    "receive_by",
    "try_receive",
    "try_receive_by",
    "from_raw",
    "into_raw",
    "hand_over",
    "drop",
    "clone",
    "fmt",
];

/// Words that cannot be names, not even as `r#word`.
const NEVER_NAMES: [&str; 5] = ["self", "Self", "super", "crate", "_"];

/// Why a generated name cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Every endpoint has a method of this name.
    Reserved,
    /// It is a word of the language that even `r#` does not make a name.
    Keyword,
}

/// `ReadAll` as `read_all`, `HTTPGet` as `http_get`, `Sha256` as `sha256`.
pub(crate) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (i, letter) in letters.iter().enumerate() {
        let after_lower = i > 0 && (letters[i - 1].is_lowercase() || letters[i - 1].is_ascii_digit());
        let before_lower =
            i > 0 && letters[i - 1] != '_' && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Why `method` cannot be the name of a method of an endpoint.
pub(crate) fn unusable_method(method: &str) -> Option<Unusable> {
    if RESERVED_METHODS.contains(&method) {
        return Some(Unusable::Reserved);
    }
    unusable_name(method)
}

/// Why `name` cannot be a name at all.
pub(crate) fn unusable_name(name: &str) -> Option<Unusable> {
    NEVER_NAMES.contains(&name).then_some(Unusable::Keyword)
}

/// The method that sends a stream's message without waiting.
pub(crate) fn trying(method: &str) -> String {
    format!("try_{method}")
}

/// The type of a side's endpoints.
pub(crate) fn endpoint(side: Side) -> &'static str {
    match side {
        Side::Client => "Client",
        Side::Server => "Server",
    }
}

/// The enum of what a side can receive in a state.
pub(crate) fn received(side: Side, state: &str) -> String {
    format!("{}{state}", endpoint(side))
}

/// The struct of a message's fields. No name of what is received begins like this.
pub(crate) fn body(message: &str) -> String {
    format!("BodyOf{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_variants_in_snake_case() {
        for (name, snake) in [
            ("Read", "read"),
            ("ReadAll", "read_all"),
            ("HTTPGet", "http_get"),
            ("GetURL", "get_url"),
            ("Sha256", "sha256"),
            ("V2Read", "v2_read"),
            ("A", "a"),
            ("Is_Set", "is_set"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn a_name_that_every_endpoint_has_cannot_be_a_message() {
        assert_eq!(unusable_method("receive"), Some(Unusable::Reserved));
        assert_eq!(unusable_method("super"), Some(Unusable::Keyword));
        assert_eq!(unusable_method("type"), None);
    }
}
