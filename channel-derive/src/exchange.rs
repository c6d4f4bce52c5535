//! `derive(Exchange)`: a struct or enum whose layout is fixed and whose every part may cross.

mod check;
mod repr;

use check::check;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Data, DataEnum, DeriveInput, Fields, GenericParam, Generics, Ident, Index, Token, Type, TypeParamBound,
};

use repr::Repr;

use crate::hygiene::{anchor, local};
use crate::parse::plain;
use crate::types;
use crate::wire::{self, WirePart};

fn error<T>(span: Span, text: impl std::fmt::Display) -> syn::Result<T> {
    Err(syn::Error::new(span, text))
}

/// Writes the impl.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let repr = Repr::of(&input.attrs)?;
    let (impl_parameters, arguments) = parameters(&input.generics)?;
    let check = check(input)?;
    let body = match &input.data {
        Data::Struct(data) => {
            repr.fixes_struct(&input.ident)?;
            structure(input, &data.fields)?
        }
        Data::Enum(data) => {
            repr.fixes_enum(&input.ident)?;
            enumeration(input, data, &repr)?
        }
        Data::Union(data) => {
            return error(
                data.union_token.span(),
                "a union cannot cross a channel: nobody can tell which of its fields holds blocks\n\
                 help: use an enum with `#[repr(C)]`",
            );
        }
    };
    let name = &input.ident;
    let Body {
        form,
        mut fingerprint,
        handles,
        mut any_bytes,
        mut checked,
        wire_bytes,
        hand_over,
        mut checks,
        encode,
        mut decode,
    } = body;
    let mut holds = None;
    if let Some(check) = check {
        let decoder = wire::decoder();
        // Other bytes than before stand for a block of such values.
        fingerprint = quote!(__contracts::generated::checked(#fingerprint));
        any_bytes = quote!(false);
        checked = quote!(true);
        let parts = local("parts");
        checks = quote! {
            let #parts = { #checks };
            #parts && <Self as __contracts::Exchange>::holds(self)
        };
        decode = quote! {
            __contracts::wire::Decoder::checked(
                #decoder,
                |#decoder| { #decode },
                <Self as __contracts::Exchange>::holds,
            )
        };
        holds = Some(quote! {
            fn holds(&self) -> __core::primitive::bool {
                __contracts::generated::holds(self, #check)
            }
        });
    }
    let wire = wire::functions(&encode, &decode);
    let transfer = local("transfer");
    // Keeps rustc from listing every such type of a program where one cannot cross.
    let quiet = impl_parameters.is_empty().then(|| quote!(#[diagnostic::do_not_recommend]));
    let anchor = anchor();
    // A parameter's destructor is nothing that a constant can look for.
    let destructor = arguments.is_empty().then(|| destructor(name));
    let implementation = quote! {
        // SAFETY: the layout is fixed by the representation, each part may cross, and each is handed over.
        #[automatically_derived]
        #quiet
        unsafe impl<#impl_parameters> __contracts::Exchange for #name<#arguments> {
            const FINGERPRINT: __core::primitive::u64 = #fingerprint;
            const FORM: __contracts::generated::Form = #form;
            const HANDLES: __core::primitive::usize = #handles;
            const ANY_BYTES: __core::primitive::bool = #any_bytes;
            const WIRE_BYTES: __core::primitive::usize = #wire_bytes;
            const CHECKED: __core::primitive::bool = #checked;
            fn check(&self) -> __core::primitive::bool {
                if <Self as __contracts::Exchange>::CHECKED { #checks } else { true }
            }
            #holds
            #[inline]
            fn hand_over(&self, #transfer: &mut __contracts::Transfer) {
                if <Self as __contracts::Exchange>::HANDLES > 0 {
                    #hand_over
                }
            }
            #wire
        }
    };
    Ok(quote! {
        #[allow(deprecated, unused_extern_crates, unused_imports)]
        const _: () = {
            #anchor
            #implementation
            #destructor
        };
    })
}

/// A constant that refuses a type with a destructor of its own: its parts are taken out of it when it crosses.
fn destructor(name: &Ident) -> TokenStream {
    let text = plain(name);
    quote_spanned! {name.span()=>
        const _: () = {
            use __contracts::generated::Destructible as _;
            __contracts::generated::check_destructor(#text, __contracts::generated::Probe::<#name>::DESTRUCTOR)
        };
    }
}

/// What the impl consists of.
struct Body {
    /// Its parts, from which the other constants are computed.
    form: TokenStream,
    fingerprint: TokenStream,
    handles: TokenStream,
    any_bytes: TokenStream,
    checked: TokenStream,
    wire_bytes: TokenStream,
    hand_over: TokenStream,
    /// Whether the checks of all parts take the value for one.
    checks: TokenStream,
    /// The bodies of the functions for the wire form.
    encode: TokenStream,
    decode: TokenStream,
}

fn structure(input: &DeriveInput, fields: &Fields) -> syn::Result<Body> {
    let name = plain(&input.ident);
    let mut parts = Vec::new();
    let mut patterns = Vec::new();
    let mut handed = Vec::new();
    let mut checked = Vec::new();
    let mut wired = Vec::new();
    for (number, field) in fields.iter().enumerate() {
        types::examine(&field.ty)?;
        is_not_within(&input.ident, &field.ty)?;
        let ty = &field.ty;
        let (member, text) = member(number, field.ident.as_ref());
        let part = quote!(__contracts::generated::part::<#ty>());
        wired.push(WirePart { member: member.clone(), text: text.clone(), part });
        parts.push(quote! {
            __contracts::generated::Part::field(__contracts::generated::part::<#ty>(), #text, __core::mem::offset_of!(Self, #member))
        });
        let local = local(&format!("field_{number}"));
        patterns.push(quote!(#member: #local));
        handed.push(hand_over(ty, &local));
        checked.push(check_part(ty, &local));
    }
    let fields = quote!(__contracts::generated::Form::fields(<Self as __contracts::Exchange>::FORM));
    let (pattern, encode, decode) = (wire::pattern(&wired), wire::encode(&wired), wire::decode(&wired));
    let encoder = wire::encoder();
    Ok(Body {
        encode: quote! {
            __contracts::wire::Encoder::open(#encoder, #name);
            let Self { #pattern } = self;
            #encode
        },
        decode: quote!(__core::result::Result::Ok(Self { #decode })),
        form: quote!(__contracts::generated::Form::Fields(&[#(#parts),*])),
        fingerprint: quote!(__contracts::generated::layout::<Self>(#name, #fields)),
        handles: quote!(__contracts::generated::handles(#fields)),
        any_bytes: quote!(__contracts::generated::any_bytes::<Self>(#fields)),
        checked: quote!(__contracts::generated::any_checked(#fields)),
        wire_bytes: quote!(__contracts::generated::wire_bytes(#fields)),
        hand_over: quote! {
            let Self { #(#patterns),* } = self;
            #(#handed)*
        },
        checks: quote! {
            let Self { #(#patterns),* } = self;
            true #(&& #checked)*
        },
    })
}

fn enumeration(input: &DeriveInput, data: &DataEnum, repr: &Repr) -> syn::Result<Body> {
    let name = plain(&input.ident);
    if data.variants.is_empty() {
        return error(
            input.ident.span(),
            format!("`{name}` has no values, so none can cross a channel\nhelp: add a variant"),
        );
    }
    let fieldless = data.variants.iter().all(|variant| variant.fields.is_empty());
    let mut variants = Vec::new();
    let mut arms = Vec::new();
    let mut checks = Vec::new();
    let mut encodes = Vec::new();
    let mut decodes = Vec::new();
    let (encoder, decoder) = (wire::encoder(), wire::decoder());
    for (position, variant) in data.variants.iter().enumerate() {
        let ident = &variant.ident;
        let text = plain(ident);
        if let Some((_, value)) = &variant.discriminant
            && !fieldless
        {
            return error(
                value.span(),
                format!(
                    "`{text}` has a number of its own in an enum with fields\n\
                     help: leave it out; variants are numbered in order"
                ),
            );
        }
        let mut parts = Vec::new();
        let mut patterns = Vec::new();
        let mut handed = Vec::new();
        let mut checked = Vec::new();
        let mut wired = Vec::new();
        for (number, field) in variant.fields.iter().enumerate() {
            types::examine(&field.ty)?;
            is_not_within(&input.ident, &field.ty)?;
            let ty = &field.ty;
            let (member, text) = member(number, field.ident.as_ref());
            let part = quote!(__contracts::generated::part::<#ty>());
            wired.push(WirePart { member: member.clone(), text: text.clone(), part });
            // The offset follows from representation, sizes and alignments, which are in the hash.
            parts.push(
                quote!(__contracts::generated::Part::field(__contracts::generated::part::<#ty>(), #text, 0)),
            );
            let local = local(&format!("field_{number}"));
            patterns.push(quote!(#member: #local));
            handed.push(hand_over(ty, &local));
            checked.push(check_part(ty, &local));
        }
        let number = if fieldless {
            quote!(Self::#ident as __core::primitive::u64)
        } else {
            (position as u64).into_token_stream()
        };
        variants.push(quote!((#text, #number, &[#(#parts),*])));
        arms.push(quote! {
            Self::#ident { #(#patterns),* } => { #(#handed)* }
        });
        checks.push(quote! {
            Self::#ident { #(#patterns),* } => true #(&& #checked)*,
        });
        let (pattern, encode, decode) = (wire::pattern(&wired), wire::encode(&wired), wire::decode(&wired));
        let position = position as u32;
        encodes.push(quote! {
            Self::#ident { #pattern } => {
                __contracts::wire::Encoder::variant(#encoder, #position, #text);
                #encode
            }
        });
        decodes.push(quote!(#position => __core::result::Result::Ok(Self::#ident { #decode }),));
    }
    let count = data.variants.len() as u32;
    let tag = repr.tag(&quote!(&[#(#variants),*]));
    let repr = repr.text();
    let carried = quote!(__contracts::generated::Form::variants(<Self as __contracts::Exchange>::FORM));
    Ok(Body {
        encode: quote!(match self { #(#encodes)* }),
        decode: quote! {
            match __contracts::wire::Decoder::variant(#decoder, #count)? {
                #(#decodes)*
                _ => __core::result::Result::Err(__contracts::wire::Decoder::no_variant(#decoder)),
            }
        },
        // A number that no variant has is not a value.
        any_bytes: quote!(false),
        checked: quote!(__contracts::generated::variants_checked(#carried)),
        wire_bytes: quote!(__contracts::generated::variants_wire_bytes(#carried)),
        form: quote!(__contracts::generated::Form::Variants(#tag, &[#(#variants),*])),
        fingerprint: quote!(__contracts::generated::variants::<Self>(#name, #repr, #carried)),
        handles: quote!(__contracts::generated::variants_handles(#carried)),
        hand_over: if fieldless { quote!() } else { quote!(match self { #(#arms)* }) },
        checks: if fieldless { quote!(true) } else { quote!(match self { #(#checks)* }) },
    })
}

/// Refuses a field in whose type the type that has the field is named: its constants would be computed from themselves.
fn is_not_within(name: &Ident, ty: &Type) -> syn::Result<()> {
    let mut before = None;
    for token in flat(ty.to_token_stream()) {
        if let TokenTree::Ident(ident) = &token
            && ident == name
            && before != Some(':')
        {
            return error(
                ident.span(),
                format!(
                    "`{name}` holds values of itself, and nothing says how far that goes on\n\
                     help: send all of them in one block, `ExBox<[{name}]>`, and have each say which belong to it, by \
                     their places in the block"
                ),
            );
        }
        before = match token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
    }
    Ok(())
}

/// All tokens, those within groups too.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let inside = |token| match token {
        TokenTree::Group(group) => flat(group.stream()),
        other => vec![other],
    };
    tokens.into_iter().flat_map(inside).collect()
}

/// Runs the checks of one field.
fn check_part(ty: &Type, field: &Ident) -> TokenStream {
    quote!(__contracts::generated::Part::check(__contracts::generated::part::<#ty>(), #field))
}

/// Hands over one field.
fn hand_over(ty: &Type, field: &Ident) -> TokenStream {
    let transfer = local("transfer");
    quote!(__contracts::generated::Part::hand_over(__contracts::generated::part::<#ty>(), #field, #transfer);)
}

/// A field's name as a token, and as it enters the fingerprint.
fn member(number: usize, ident: Option<&Ident>) -> (TokenStream, String) {
    match ident {
        Some(ident) => (ident.to_token_stream(), plain(ident)),
        None => (Index::from(number).into_token_stream(), number.to_string()),
    }
}

/// A type's generics for the impl: parameters with their bounds and `Exchange`, and arguments.
fn parameters(generics: &Generics) -> syn::Result<(TokenStream, TokenStream)> {
    if let Some(clause) = &generics.where_clause {
        return error(
            clause.span(),
            "`derive(Exchange)` takes no `where`\nhelp: put the bounds on the parameters: `<T: Bound>`",
        );
    }
    let mut parameters = TokenStream::new();
    let mut arguments = TokenStream::new();
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => {
                return error(
                    lifetime.span(),
                    "a type with a lifetime cannot cross a channel: it leads into the sender's memory\n\
                     help: put the data in a block: `ExBox<T>`",
                );
            }
            GenericParam::Type(parameter) => {
                let ident = &parameter.ident;
                let bounds = plain_bounds(&parameter.bounds)?;
                parameters.extend(quote!(#ident: #(#bounds +)* __contracts::Exchange,));
                arguments.extend(quote!(#ident,));
            }
            GenericParam::Const(parameter) => {
                types::examine(&parameter.ty)?;
                let (ident, ty) = (&parameter.ident, &parameter.ty);
                parameters.extend(quote!(const #ident: #ty,));
                arguments.extend(quote!(#ident,));
            }
        }
    }
    Ok((parameters, arguments))
}

/// Bounds that are traits and nothing else.
fn plain_bounds(bounds: &Punctuated<TypeParamBound, Token![+]>) -> syn::Result<Vec<TokenStream>> {
    let plain = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) if bound.lifetimes.is_none() && bound.maybe.is_none() => {
            types::examine_path(&bound.path)?;
            Ok(bound.path.to_token_stream())
        }
        other => error(
            other.span(),
            "a parameter of a type that crosses is bounded by traits only\nhelp: remove this bound",
        ),
    };
    bounds.iter().map(plain).collect()
}
