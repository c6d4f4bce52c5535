//! Field types: which may be repeated in generated code, and how they read from inside the generated module.
//!
//! A type that passes [`examine`] consists of names, `[T; N]`, `[T]`, `()` and literals. It contains no block, no
//! macro call and no attribute, so no expression of the user's is evaluated in code that we generate.

use std::collections::HashSet;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{
    Expr, GenericArgument, Ident, Path, PathArguments, PathSegment, QSelf, Token, Type, TypePath, Visibility,
    parse_quote,
};

/// Refuses what is not a plain type.
pub(crate) fn examine(ty: &Type) -> syn::Result<()> {
    if !attributes(ty).is_empty() {
        return refuse(ty.span(), "an attribute inside a type", "write the plain type");
    }
    let block = "put the data in a block: `ExBox<T>`";
    match ty {
        Type::Path(path) => {
            if let Some(qself) = &path.qself {
                examine(&qself.ty)?;
            }
            examine_path(&path.path)
        }
        Type::Array(array) => {
            examine(&array.elem)?;
            examine_constant(&array.len)
        }
        Type::Slice(slice) => examine(&slice.elem),
        Type::Tuple(tuple) if tuple.elems.is_empty() => Ok(()),
        Type::Tuple(_) => refuse(
            ty.span(),
            "a tuple cannot cross a channel: its layout is not fixed",
            "give its parts names in a `#[repr(C)]` struct that derives `Exchange`",
        ),
        Type::Group(group) => examine(&group.elem),
        Type::Paren(paren) => examine(&paren.elem),
        Type::Reference(_) => {
            refuse(ty.span(), "a reference cannot cross a channel: it leads into the sender's memory", block)
        }
        Type::Ptr(_) => refuse(
            ty.span(),
            "a raw pointer cannot cross a channel: it leads into the sender's memory",
            block,
        ),
        Type::FnPtr(_) => refuse(
            ty.span(),
            "a function pointer cannot cross a channel: it leads into the sender's code",
            "make what the function does a message",
        ),
        Type::TraitObject(_) => refuse(
            ty.span(),
            "a trait object cannot cross a channel: its methods are the sender's code",
            "send the data as a `#[derive(Exchange)]` type",
        ),
        Type::ImplTrait(_) | Type::Infer(_) | Type::Never(_) => {
            refuse(ty.span(), "a field needs a type that has a name and values", "name the type")
        }
        Type::Macro(_) => refuse(
            ty.span(),
            "a macro call cannot stand for a field's type",
            "write the type, or name it with `type`",
        ),
        _ => refuse(ty.span(), "this type cannot cross a channel", "use a type that has a name"),
    }
}

fn refuse<T>(span: Span, what: &str, help: &str) -> syn::Result<T> {
    Err(syn::Error::new(span, format!("{what}\nhelp: {help}")))
}

fn attributes(ty: &Type) -> &[syn::Attribute] {
    match ty {
        Type::Array(ty) => &ty.attrs,
        Type::Path(ty) => &ty.attrs,
        Type::Slice(ty) => &ty.attrs,
        Type::Tuple(ty) => &ty.attrs,
        Type::Group(ty) => &ty.attrs,
        Type::Paren(ty) => &ty.attrs,
        // What else there is gets refused as a whole.
        _ => &[],
    }
}

/// Refuses what is not a plain path: names, with plain types and constants as arguments.
pub(crate) fn examine_path(path: &Path) -> syn::Result<()> {
    if path.segments.first().is_some_and(|first| first.ident == "Self") {
        return refuse(
            path.span(),
            "`Self` cannot be part of a field's type",
            "a message cannot contain a message of its own contract",
        );
    }
    for segment in &path.segments {
        match &segment.arguments {
            PathArguments::None => {}
            PathArguments::AngleBracketed(arguments) => {
                for argument in &arguments.args {
                    match argument {
                        GenericArgument::Type(ty) => examine(ty)?,
                        GenericArgument::Const(constant) => examine_constant(constant)?,
                        other => {
                            return refuse(
                                other.span(),
                                "a field's type takes types and constants as arguments, no lifetimes or bindings",
                                "name the type with `type`",
                            );
                        }
                    }
                }
            }
            PathArguments::Parenthesized(arguments) => {
                return refuse(
                    arguments.span(),
                    "a function type cannot cross a channel",
                    "make what the function does a message",
                );
            }
        }
    }
    Ok(())
}

fn examine_constant(constant: &Expr) -> syn::Result<()> {
    match constant {
        Expr::Lit(literal) if literal.attrs.is_empty() => Ok(()),
        Expr::Path(path) if path.attrs.is_empty() && path.qself.is_none() => examine_path(&path.path),
        Expr::Group(group) if group.attrs.is_empty() => examine_constant(&group.expr),
        Expr::Paren(paren) if paren.attrs.is_empty() => examine_constant(&paren.expr),
        other => refuse(
            other.span(),
            "a constant in a field's type is a literal or the name of a constant",
            "give the expression a name: `const LENGTH: usize = ...;`",
        ),
    }
}

/// What is visible to whom the enum is, as written inside the module.
pub(crate) fn inside_visibility(outside: &Visibility) -> syn::Result<Visibility> {
    match outside {
        Visibility::Public(_) => Ok(outside.clone()),
        Visibility::Inherited => Ok(parse_quote!(pub(super))),
        Visibility::Restricted(restricted) => {
            examine_path(&restricted.path)?;
            let mut path = (*restricted.path).clone();
            Inside { taken: HashSet::new() }.shift_path(&mut path, None);
            Ok(parse_quote!(pub(in #path)))
        }
    }
}

/// How names are read from inside the generated module, which imports everything that surrounds it.
pub(crate) struct Inside {
    /// Names that mean something else there.
    pub(crate) taken: HashSet<String>,
}

impl Inside {
    /// An examined type as it is written in the generated module.
    pub(crate) fn view(&self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        self.shift(&mut ty);
        ty
    }

    /// The same for an examined path.
    pub(crate) fn view_path(&self, path: &Path) -> Path {
        let mut path = path.clone();
        self.shift_path(&mut path, None);
        path
    }

    fn shift(&self, ty: &mut Type) {
        match ty {
            Type::Path(TypePath { qself, path, .. }) => self.shift_path(path, qself.as_mut()),
            Type::Array(array) => {
                self.shift(&mut array.elem);
                self.shift_constant(&mut array.len);
            }
            Type::Slice(slice) => self.shift(&mut slice.elem),
            Type::Group(group) => self.shift(&mut group.elem),
            Type::Paren(paren) => self.shift(&mut paren.elem),
            // Refused by `examine`.
            _ => {}
        }
    }

    fn shift_constant(&self, constant: &mut Expr) {
        match constant {
            Expr::Path(path) => self.shift_path(&mut path.path, None),
            Expr::Group(group) => self.shift_constant(&mut group.expr),
            Expr::Paren(paren) => self.shift_constant(&mut paren.expr),
            _ => {}
        }
    }

    fn shift_path(&self, path: &mut Path, mut qself: Option<&mut QSelf>) {
        for segment in &mut path.segments {
            if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                for argument in &mut arguments.args {
                    match argument {
                        GenericArgument::Type(ty) => self.shift(ty),
                        GenericArgument::Const(constant) => self.shift_constant(constant),
                        _ => {}
                    }
                }
            }
        }
        if let Some(qself) = &mut qself {
            self.shift(&mut qself.ty);
            if qself.as_token.is_none() {
                return;
            }
        }
        if path.leading_colon.is_some() {
            return;
        }
        let Some(first) = path.segments.first_mut() else { return };
        let span = first.ident.span();
        if first.ident == "self" {
            first.ident = Ident::new("super", span);
        } else if first.ident == "super" || self.taken.contains(&first.ident.to_string()) {
            path.segments
                .insert(0, PathSegment { ident: Token![super](span).into(), arguments: PathArguments::None });
            if let Some(qself) = qself {
                qself.position += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn verdict(ty: &str) -> bool {
        examine(&syn::parse_str(ty).expect("a type")).is_ok()
    }

    #[test]
    fn plain_types_pass() {
        for ty in
            ["u64", "ExBox<[u8]>", "[u8; 16]", "[a::B<4>; LENGTH]", "()", "<A as ::b::C<u8>>::D", "crate::X"]
        {
            assert!(verdict(ty), "{ty}");
        }
    }

    #[test]
    fn nothing_that_evaluates_or_leads_into_a_sender_passes() {
        for ty in [
            "[u8; { unsafe { N } }]",
            "[u8; f()]",
            "[u8; N * 2]",
            "A<{ unsafe { 1 } }>",
            "[[u8; m!()]; 2]",
            "m!(u8)",
            "&'static u8",
            "*const u8",
            "fn()",
            "ExBox<fn(u8) -> u8>",
            "dyn Fn()",
            "Box<dyn Fn()>",
            "impl Copy",
            "_",
            "!",
            "Self",
            "A<'static>",
            "A<B = u8>",
            "(u8, u16)",
            "<[u8; { 1 }] as A>::B",
        ] {
            assert!(!verdict(ty), "{ty}");
        }
    }

    #[test]
    fn an_attribute_is_refused_in_whatever_type_the_parser_may_once_take_it() {
        for ty in ["u8", "[u8; 2]", "[u8]", "()", "(u8)"] {
            let mut ty: Type = syn::parse_str(ty).expect("a type");
            let attrs = match &mut ty {
                Type::Path(ty) => &mut ty.attrs,
                Type::Array(ty) => &mut ty.attrs,
                Type::Slice(ty) => &mut ty.attrs,
                Type::Tuple(ty) => &mut ty.attrs,
                Type::Paren(ty) => &mut ty.attrs,
                _ => unreachable!("it is one of these"),
            };
            attrs.push(parse_quote!(#[attribute]));
            let error = examine(&ty).expect_err("an attribute").to_string();
            assert!(error.starts_with("an attribute inside a type\nhelp: "), "{error}");
        }
    }

    #[test]
    fn names_mean_the_same_inside_the_module() {
        let inside = Inside { taken: HashSet::from(["Ready".to_owned()]) };
        for (outside, expected) in [
            ("Other", "Other"),
            ("Ready", "super :: Ready"),
            ("Ready::Part", "super :: Ready :: Part"),
            ("ExBox<[Ready]>", "ExBox < [super :: Ready] >"),
            ("self::X", "super :: X"),
            ("super::X", "super :: super :: X"),
            ("crate::Ready", "crate :: Ready"),
            ("::a::Ready", ":: a :: Ready"),
            ("[u8; self::N]", "[u8 ; super :: N]"),
            ("<Ready as Ready>::Ready", "< super :: Ready as super :: Ready > :: Ready"),
        ] {
            let ty: Type = syn::parse_str(outside).expect("a type");
            assert_eq!(inside.view(&ty).to_token_stream().to_string(), expected, "{outside}");
        }
    }
}
