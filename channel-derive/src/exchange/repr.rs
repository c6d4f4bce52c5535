//! Whether a type's layout is fixed.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident};

use super::error;

/// What `#[repr(...)]` says.
#[derive(Default)]
pub(super) struct Repr {
    c: bool,
    transparent: bool,
    /// The type of an enum's number.
    integer: Option<Ident>,
    /// The words that decide where an enum's fields lie, in alphabetical order.
    words: Vec<String>,
}

impl Repr {
    pub(super) fn of(attributes: &[Attribute]) -> syn::Result<Repr> {
        let mut repr = Repr::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
            attribute.parse_nested_meta(|meta| {
                let Some(ident) = meta.path.get_ident() else { return Ok(()) };
                let word = ident.to_string();
                match word.as_str() {
                    "C" => repr.c = true,
                    "transparent" => repr.transparent = true,
                    "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
                        repr.integer = Some(ident.clone());
                    }
                    "packed" => {
                        return Err(meta.error(
                            "a packed type cannot cross a channel: its fields cannot be referred to\n\
                             help: remove `packed` and order the fields by size",
                        ));
                    }
                    _ => {}
                }
                repr.words.push(word);
                // `align(N)`: rustc checks it, and alignment is in the fingerprint.
                if meta.input.peek(syn::token::Paren) {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    content.parse::<TokenStream>()?;
                }
                Ok(())
            })?;
        }
        repr.words.sort_unstable();
        Ok(repr)
    }

    /// What enters an enum's fingerprint: the offsets in its variants follow from this, and from sizes and alignments.
    pub(super) fn text(&self) -> String {
        self.words.join(" ")
    }

    /// How an enum of these variants says which one a value is.
    pub(super) fn tag(&self, variants: &TokenStream) -> TokenStream {
        let bytes = self.integer.as_ref().map(|ty| quote!(__core::mem::size_of::<__core::primitive::#ty>()));
        match bytes {
            Some(bytes) if self.c => quote!(__contracts::generated::Tag::c_integer(#bytes)),
            Some(bytes) => quote!(__contracts::generated::Tag::integer(#bytes)),
            None => quote!(__contracts::generated::Tag::c(#variants)),
        }
    }

    pub(super) fn fixes_struct(&self, name: &Ident) -> syn::Result<()> {
        if self.c || self.transparent {
            return Ok(());
        }
        error(
            name.span(),
            format!(
                "the layout of struct `{name}` is not fixed: two programs built apart may disagree\nhelp: add `#[repr(C)]`"
            ),
        )
    }

    pub(super) fn fixes_enum(&self, name: &Ident) -> syn::Result<()> {
        if self.c || self.integer.is_some() {
            return Ok(());
        }
        error(
            name.span(),
            format!(
                "the layout of enum `{name}` is not fixed: two programs built apart may disagree\n\
                 help: add `#[repr(u8)]`, or `#[repr(C)]` if its variants have fields"
            ),
        )
    }
}
