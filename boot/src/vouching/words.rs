//! The words of Rust that code needs for what `forbid(unsafe_code)` would refuse, searched in a crate's text.
//!
//! The lint alone does not do. It does not look into what a macro of another crate expands to, so a macro can carry `unsafe` to
//! whoever calls it; and it says nothing of naked functions, nor of blocks `extern` in old editions, which can name libraries to
//! link. None of these can be written without one of the words here, wherever a macro takes its tokens from.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::Path;
use std::str::FromStr;

/// The words, but for `extern`, of which the harmless uses are told apart.
const WORDS: [&str; 9] = [
    "unsafe",
    "no_mangle",
    "export_name",
    "link_section",
    "link_name",
    "global_asm",
    "naked_asm",
    "naked",
    "allow_internal_unsafe",
];
const EXTERN: &str = "extern";

/// The first such word in the file at `path`, with its place, in words; none if there is none.
pub(super) fn find(path: &Path) -> Option<String> {
    let Ok(bytes) = fs::read(path) else { return Some(format!("{} cannot be read", path.display())) };
    let text = String::from_utf8_lossy(&bytes);
    let is_candidate = |word: &str| WORDS.contains(&word) || word == EXTERN;
    let (line, _) = text.lines().enumerate().find(|(_, line)| line.split(is_no_part).any(is_candidate))?;
    // Most often the words stand in a comment. What cannot be read as Rust is not believed to say so.
    let word = match TokenStream::from_str(&text) {
        Ok(tokens) => word_in(tokens)?,
        Err(_) => "one of the words that unsafe code needs",
    };
    let line =
        text.lines().position(|line| line.split(is_no_part).any(|other| other == word)).unwrap_or(line);
    Some(format!("{}:{}: `{word}`", path.display(), line + 1))
}

/// The first such word in a file of Rust in `folder`, or below it.
pub(super) fn find_below(folder: &Path) -> Option<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Some(format!("{} cannot be read", folder.display()));
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::path);
    entries.iter().find_map(|entry| match entry.file_type() {
        // A link to a folder is not followed: of that, only what was compiled is of interest.
        Ok(kind) if kind.is_dir() => find_below(&entry.path()),
        _ => Some(entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "rs"))
            .and_then(|path| find(&path)),
    })
}

/// Whether a character is no part of a name.
fn is_no_part(c: char) -> bool {
    !c.is_alphanumeric() && c != '_'
}

fn word_in(tokens: TokenStream) -> Option<&'static str> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().find_map(|(at, token)| match token {
        TokenTree::Group(group) => word_in(group.stream()),
        TokenTree::Ident(ident) if ident == EXTERN => (!is_harmless(&tokens[at + 1..])).then_some(EXTERN),
        TokenTree::Ident(ident) => WORDS.into_iter().find(|word| ident == word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}

/// Whether what comes behind `extern` makes it a function's ABI, or the name of a crate.
fn is_harmless(rest: &[TokenTree]) -> bool {
    let is = |at: usize, word: &str| matches!(rest.get(at), Some(TokenTree::Ident(ident)) if ident == word);
    match rest.first() {
        Some(TokenTree::Literal(_)) => is(1, "fn"),
        // What a macro's caller gave, between invisible delimiters.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => false,
        _ => is(0, "fn") || is(0, "crate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.rs");
        fs::write(&path, text).unwrap();
        find(&path).map(|found| found.replace(&format!("{}:", path.display()), ""))
    }

    #[test]
    fn what_unsafe_code_needs_is_found_wherever_it_stands() {
        for (text, expected) in [
            ("fn f(p: *const u8) -> u8 {\n    unsafe { *p }\n}", "2: `unsafe`"),
            ("// unsafe\nmacro_rules! m { ($p:expr) => { unsafe { *$p } } }", "1: `unsafe`"),
            ("m!(unsafe);", "1: `unsafe`"),
            ("#[no_mangle] pub fn f() {}", "1: `no_mangle`"),
            ("m!(#[export_name = \"f\"]);", "1: `export_name`"),
            ("core::arch::global_asm!(\"nop\");", "1: `global_asm`"),
            ("fn f() { naked_asm!(\"ret\") }", "1: `naked_asm`"),
            ("extern \"C\" { fn f(); }", "1: `extern`"),
            ("extern { fn f(); }", "1: `extern`"),
            ("macro_rules! m { ($abi:literal) => { extern $abi { } } }", "1: `extern`"),
            ("m!(extern);", "1: `extern`"),
        ] {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn comments_texts_and_names_like_them_are_nothing() {
        for text in [
            "#![forbid(unsafe_code)]",
            "//! not unsafe /* extern */\n/* unsafe { */ fn f() {}",
            "/// This is `unsafe`.\nfn f() -> &'static str { \"unsafe\" }",
            "extern crate alloc; pub extern \"C\" fn f() {} type F = extern fn();",
            "fn r() { let unsafely = r#\"unsafe {}\"#; }",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn files_of_rust_in_folders_below_are_searched_and_links_to_folders_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("inner/again")).unwrap();
        fs::write(dir.path().join("inner/text"), "unsafe").unwrap();
        assert_eq!(find_below(dir.path()), None);
        fs::write(dir.path().join("inner/file.rs"), "unsafe fn f() {}").unwrap();
        assert!(find_below(dir.path()).unwrap().ends_with("inner/file.rs:1: `unsafe`"));
        assert!(find_below(Path::new("/nobody")).unwrap().contains("cannot be read"));
    }

    #[test]
    fn what_is_no_rust_is_not_trusted_to_hold_none() {
        assert!(found("it is unsafe (to say so").is_some());
        assert_eq!(found("it's a (text"), None);
        assert!(find(Path::new("/nobody")).unwrap().contains("cannot be read"));
    }
}
