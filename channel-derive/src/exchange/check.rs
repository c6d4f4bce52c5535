//! `#[exchange(check = function)]`.

use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Meta, Path, Token};

use super::error;

const NO_CHECK: &str = "`#[exchange(...)]` names the function that says whether a value is one\n\
                        help: write `#[exchange(check = Self::is_valid)]`, with `fn is_valid(&self) -> bool`";

/// What `#[exchange(check = function)]` on the type names: names alone, since it is called in our code.
pub(super) fn check(input: &DeriveInput) -> syn::Result<Option<Path>> {
    let is_ours = |attribute: &&Attribute| attribute.path().is_ident("exchange");
    let fields: Vec<&syn::Field> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let variants = match &input.data {
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.attrs).collect(),
        _ => Vec::new(),
    };
    let inside = fields.iter().flat_map(|field| &field.attrs).chain(variants);
    if let Some(attribute) = inside.into_iter().find(is_ours) {
        return error(
            attribute.path().span(),
            "`#[exchange]` belongs on the type: it is about the value as a whole\nhelp: put it on the struct or the enum",
        );
    }
    let mut attributes = input.attrs.iter().filter(is_ours);
    let Some(attribute) = attributes.next() else { return Ok(None) };
    if let Some(second) = attributes.next() {
        return error(
            second.path().span(),
            "`#[exchange(...)]` stands twice\nhelp: name one function, which may call others",
        );
    }
    let mut found = None;
    let parsed = match &attribute.meta {
        Meta::List(list) => list.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") || found.is_some() {
                return error(meta.path.span(), NO_CHECK);
            }
            let value = meta.value().or_else(|_| error(meta.path.span(), NO_CHECK))?;
            let path = Path::parse_mod_style(value).or_else(|_| error(value.span(), NO_CHECK))?;
            found = Some(path);
            if value.is_empty() || value.peek(Token![,]) { Ok(()) } else { error(value.span(), NO_CHECK) }
        }),
        _ => error(attribute.path().span(), NO_CHECK),
    };
    parsed?;
    if found.is_none() {
        return error(attribute.path().span(), NO_CHECK);
    }
    Ok(found)
}
