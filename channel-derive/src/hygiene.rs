//! Names in generated code that mean the same wherever it stands.
//!
//! A path `::contracts::...` means what the crate that uses the derive says it means: after `extern crate self as contracts`
//! that is the crate itself, which can pass on some of the real items and put its own in the place of others, without a
//! word of unsafe code. An item `extern crate contracts` means the crate that the compiler was told of. In images generated
//! code begins with such an item and reaches everything through it, `core` included.
//!
//! Elsewhere, where nothing is isolated from anything, it uses the path: rustc shows types by way of such items, and its
//! messages would be harder to read.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The variable that `boot` sets when it builds images.
const IMAGES: &str = "CONTRACTS_ANCHOR";

/// The names that [`anchor`] gives.
pub(crate) const NAMES: [&str; 2] = ["__contracts", "__core"];

/// The items that generated code begins with, wherever it stands.
pub(crate) fn anchor() -> TokenStream {
    // The crate itself has no other name for what it is.
    let own = std::env::var_os("CARGO_CRATE_NAME").is_some_and(|name| name == "contracts");
    let contracts = if std::env::var_os(IMAGES).is_some() && !own {
        quote!(
            extern crate contracts as __contracts;
        )
    } else {
        quote!(
            use ::contracts as __contracts;
        )
    };
    quote! {
        #contracts
        use __contracts::generated::core_library as __core;
    }
}

/// A place of the user's for code that is not: an error in it is shown there, and lints leave it alone.
pub(crate) fn at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// A local variable, which no token of the user's can name. Nor does it bear the name of a constant, which it would mean
/// where it stands as a pattern.
pub(crate) fn local(text: &str) -> Ident {
    Ident::new(&format!("__{text}"), Span::mixed_site())
}

/// Items that take these names from whatever surrounds the generated code: where a constant, a static or a unit struct
/// bears one, a parameter of that name would be a pattern that means it. A function is no pattern.
pub(crate) fn shadow<'a>(names: impl Iterator<Item = &'a Ident>) -> TokenStream {
    quote!(#(use __contracts::generated::no_pattern as #names;)*)
}
