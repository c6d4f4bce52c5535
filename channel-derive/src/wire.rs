//! How the parts of a message or of a type that crosses are written and read in wire form.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use crate::hygiene::local;

/// One part.
pub(crate) struct WirePart {
    /// The field as it stands in a pattern or a struct expression: a name or an index.
    pub(crate) member: TokenStream,
    /// Its name in messages.
    pub(crate) text: String,
    /// Its `Part`.
    pub(crate) part: TokenStream,
}

/// The parameter of [`encode`]'s code.
pub(crate) fn encoder() -> Ident {
    local("encoder")
}

/// The parameter of [`decode`]'s code.
pub(crate) fn decoder() -> Ident {
    local("decoder")
}

fn value(number: usize) -> Ident {
    local(&format!("field_{number}"))
}

/// The fields of a pattern that binds every part for [`encode`].
pub(crate) fn pattern(parts: &[WirePart]) -> TokenStream {
    let members = parts.iter().map(|part| &part.member);
    let values = (0..parts.len()).map(value);
    quote!(#(#members: #values),*)
}

/// Statements that write every part.
pub(crate) fn encode(parts: &[WirePart]) -> TokenStream {
    let encoder = encoder();
    let statements = parts.iter().enumerate().map(|(number, WirePart { text, part, .. })| {
        let value = value(number);
        quote!(#part.encode(#text, #value, #encoder)?;)
    });
    quote!(#(#statements)*)
}

/// The fields of a struct expression that reads every part, in order.
pub(crate) fn decode(parts: &[WirePart]) -> TokenStream {
    let decoder = decoder();
    let fields =
        parts.iter().map(|WirePart { member, text, part }| quote!(#member: #part.decode(#text, #decoder)?));
    quote!(#(#fields),*)
}

/// `encode` and `decode` of `Exchange`, from their bodies.
pub(crate) fn functions(encode: &TokenStream, decode: &TokenStream) -> TokenStream {
    let (encoder, decoder) = (encoder(), decoder());
    quote! {
        fn encode(self, #encoder: &mut __contracts::wire::Encoder) -> __contracts::generated::Encoded {
            #encode
            __contracts::wire::Encoder::close(#encoder)
        }
        fn decode(#decoder: &mut __contracts::wire::Decoder<'_>) -> __contracts::generated::Decoded<Self> {
            #decode
        }
    }
}
