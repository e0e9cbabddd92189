//! The plan of the house, checked against the code's own paths: which folder may import which, and that no files
//! import each other in a circle. docs/ARCHITECTURE.md draws the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use crate::architecture::{root, sources};

/// Each folder of `src`, and the folders that it may import, besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("catalogue", &["domain"]),
    ("config", &["catalogue", "domain"]),
    ("ledger", &["domain"]),
    ("judge", &["ledger", "config", "catalogue", "domain"]),
    ("watch", &["config", "domain"]),
    ("aws", &["watch", "config", "catalogue", "domain"]),
    ("alarms", &["judge", "config", "catalogue", "domain"]),
    ("measure", &["aws", "judge", "config", "catalogue", "domain"]),
    ("fleet", &["domain"]),
    ("say", &["watch", "fleet", "judge", "ledger", "catalogue", "domain"]),
    ("keep", &["ledger", "aws", "config", "domain"]),
    ("send", &["say", "aws", "config", "domain"]),
    ("answer", &["fleet", "catalogue", "domain"]),
    ("fit", &["catalogue", "domain"]),
    (
        "run",
        &[
            "answer",
            "send",
            "keep",
            "say",
            "watch",
            "fleet",
            "measure",
            "alarms",
            "aws",
            "judge",
            "ledger",
            "config",
            "catalogue",
            "domain",
        ],
    ),
    ("edge", &["run", "fit", "answer", "say", "fleet", "alarms", "aws", "config", "domain"]),
];

type Path = Vec<String>;

/// A file's module path below the crate: `["aws", "call"]`; a folder's `mod.rs` is the folder.
fn modules() -> BTreeMap<Path, String> {
    let src = root().join("src");
    let mut modules = BTreeMap::new();
    for file in sources(&src) {
        let inside = file.strip_prefix(&src).unwrap().with_extension("");
        let mut path: Path = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if path.last().is_some_and(|last| last == "mod") {
            path.pop();
        }
        let is_root = path == ["lib"] || path == ["main"];
        if !is_root && !path.iter().any(|part| part == "tests") {
            modules.insert(path, fs::read_to_string(&file).unwrap());
        }
    }
    modules
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(
        |a| matches!(&a.meta, syn::Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test"),
    )
}

/// Paths of a file, as they stand there: `crate::aws::Aws`, `super::Scan`, `child::Thing`.
#[derive(Default)]
struct Paths {
    found: Vec<Path>,
    /// What the file makes visible under its own name: name and path.
    exported: Vec<(String, Path)>,
}

fn flatten(tree: &UseTree, before: &Path, add: &mut impl FnMut(String, Path)) {
    let with = |name: &str| before.iter().cloned().chain([name.to_owned()]).collect::<Path>();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(&path.ident.to_string()), add),
        UseTree::Name(name) if name.ident == "self" => add(before.last().cloned().unwrap_or_default(), before.clone()),
        UseTree::Name(name) => add(name.ident.to_string(), with(&name.ident.to_string())),
        UseTree::Rename(name) => add(name.rename.to_string(), with(&name.ident.to_string())),
        UseTree::Glob(_) => add("*".to_owned(), before.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|item| flatten(item, before, add)),
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_private = matches!(item.vis, Visibility::Inherited);
        flatten(&item.tree, &Path::new(), &mut |name, path| {
            if !is_private {
                self.exported.push((name, path.clone()));
            }
            self.found.push(path);
        });
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }
}

impl Paths {
    /// Paths inside a macro's call, which are tokens only.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Path::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.end(&mut path);
                    colons = 0;
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Path) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.found.push(path);
        }
    }
}

/// Every file, with the files that it imports.
struct Imports(BTreeMap<Path, BTreeSet<Path>>);

impl Imports {
    fn of(sources: &BTreeMap<Path, String>) -> Self {
        let parsed: BTreeMap<&Path, Paths> = sources
            .iter()
            .map(|(module, text)| {
                let mut paths = Paths::default();
                paths.visit_file(&syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", module.join("::"))));
                (module, paths)
            })
            .collect();
        let absolute = |module: &Path, path: &Path| -> Option<Path> {
            let mut base = module.clone();
            let mut rest = path.as_slice();
            match rest.first().map(String::as_str) {
                Some("crate") => (base, rest) = (Path::new(), &rest[1..]),
                Some("self") => rest = &rest[1..],
                Some("super") => {
                    while rest.first().is_some_and(|part| part == "super") {
                        base.pop();
                        rest = &rest[1..];
                    }
                }
                // A child of this very module, or nothing of ours.
                Some(child) if sources.contains_key(&[module.as_slice(), &[child.to_owned()]].concat()) => {}
                _ => return None,
            }
            Some(base.into_iter().chain(rest.iter().cloned()).collect())
        };
        // Where a name is made visible by another module than its own, its own one is meant.
        let exports: BTreeMap<Path, Path> = parsed
            .iter()
            .flat_map(|(module, paths)| {
                paths.exported.iter().filter_map(|(name, path)| {
                    let target = absolute(module, path)?;
                    Some((module.iter().cloned().chain([name.clone()]).collect(), target))
                })
            })
            .collect();
        let home = |path: &Path| -> Option<Path> {
            let mut path = path.clone();
            // Each step follows one export; more than a few in a row there are not.
            for _ in 0..4 {
                let followed = (1..=path.len()).rev().find_map(|n| exports.get(&path[..n]).map(|target| (n, target)));
                match followed {
                    Some((n, target)) => path = target.iter().cloned().chain(path[n..].iter().cloned()).collect(),
                    None => break,
                }
            }
            (1..=path.len()).rev().map(|n| path[..n].to_vec()).find(|prefix| sources.contains_key(prefix))
        };
        let of_file = |module: &Path, paths: &Paths| {
            let exported: BTreeSet<&Path> = paths.exported.iter().map(|(_, path)| path).collect();
            let imported = paths.found.iter().filter(|path| !exported.contains(path));
            imported
                .filter_map(|path| home(&absolute(module, path)?))
                .filter(|target| target != module)
                .collect::<BTreeSet<Path>>()
        };
        Self(parsed.iter().map(|(module, paths)| ((*module).clone(), of_file(module, paths))).collect())
    }

    /// A circle of files, where there is one.
    fn circle(&self) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        self.0.keys().find_map(|start| self.walk(start, &mut Vec::new(), &mut done))
    }

    fn walk<'a>(&'a self, at: &'a Path, way: &mut Vec<&'a Path>, done: &mut BTreeSet<&'a Path>) -> Option<Vec<String>> {
        if let Some(place) = way.iter().position(|seen| *seen == at) {
            return Some(way[place..].iter().chain([&at]).map(|path| path.join("::")).collect());
        }
        if !done.insert(at) {
            return None;
        }
        way.push(at);
        let found = self.0[at].iter().find_map(|next| {
            // What was left for good cannot be part of a circle, what is on the way can.
            if way.contains(&next) || !done.contains(next) { self.walk(next, way, done) } else { None }
        });
        way.pop();
        found
    }

    /// Imports from folder to folder, each with a file that makes it.
    fn folders(&self) -> BTreeMap<(String, String), String> {
        let mut folders = BTreeMap::new();
        for (module, targets) in &self.0 {
            for target in targets.iter().filter(|target| target[0] != module[0]) {
                let what = format!("{} imports {}", module.join("::"), target.join("::"));
                folders.entry((module[0].clone(), target[0].clone())).or_insert(what);
            }
        }
        folders
    }
}

#[test]
fn folders_import_what_the_plan_allows_and_no_more() {
    let found = Imports::of(&modules()).folders();
    let allowed: BTreeSet<(String, String)> =
        MAY_IMPORT.iter().flat_map(|(from, to)| to.iter().map(|to| ((*from).to_owned(), (*to).to_owned()))).collect();
    for (edge, example) in &found {
        assert!(allowed.contains(edge), "{example}, and `{}` may not import `{}`", edge.0, edge.1);
    }
    for edge in &allowed {
        assert!(found.contains_key(edge), "no file of `{}` imports `{}`: take it out of the plan", edge.0, edge.1);
    }
    let folders: BTreeSet<String> = modules().into_keys().map(|module| module[0].clone()).collect();
    let planned: BTreeSet<String> = MAY_IMPORT.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    assert_eq!(folders, planned, "every folder of src stands in the plan");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(Imports::of(&modules()).circle(), None);
}

/// The check itself: what it must see, each in a house of three files.
#[test]
fn a_circle_is_found_however_it_is_written() {
    let house = |a: &str, b: &str, shared: &str| {
        let files = [(vec!["a"], shared), (vec!["a", "x"], a), (vec!["a", "y"], b)];
        let files = files.map(|(path, text)| (path.into_iter().map(str::to_owned).collect(), text.to_owned()));
        Imports::of(&BTreeMap::from(files)).circle()
    };
    let there = "use super::y::Y;";
    for back in [
        "use super::x::X;",
        "use crate::a::x::X;",
        "use crate::a::{x::X};",
        "fn f() { super::x::g() }",
        "fn f() { println!(\"{}\", super::x::g()) }",
        "fn f() -> super::x::X { todo() }",
        "use super::X;",
        "mod inner { use crate::a::x::X; }",
    ] {
        assert!(house(there, back, "pub use x::X; mod x; mod y;").is_some(), "{back}");
    }
    for no_way_back in ["#[cfg(test)] mod tests { use super::super::x::X; }", "// use super::x::X;", "use std::x::X;"] {
        assert_eq!(house(there, no_way_back, "pub use x::X; mod x; mod y;"), None, "{no_way_back}");
    }
    assert!(house("", "use super::thing;", "use y::Y; fn thing() {}").is_some(), "a folder's own file takes part");
}

#[test]
fn the_architecture_page_has_the_same_plan() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for (folder, may) in MAY_IMPORT {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{folder}/`")));
        let row = row.unwrap_or_else(|| panic!("docs/ARCHITECTURE.md has no row for `{folder}/`"));
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        let listed: BTreeSet<&str> = shown.split(", ").filter(|name| *name != "nothing").collect();
        assert_eq!(listed, may.iter().copied().collect(), "docs/ARCHITECTURE.md, row of `{folder}/`");
    }
}
