//! Reads the paths in Rust sources, and resolves each from the root of the crate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

/// A path, in a file, to an item in the crate.
pub struct Reference {
    pub file: String,
    /// The file's module, from the root of the crate, even if the path is in an inline module.
    pub from: Vec<String>,
    /// The item's path, from the root of the crate.
    pub to: Vec<String>,
    /// The modules below `to`'s parent that are files.
    pub submodules: Vec<String>,
}

/// Returns every reference of a crate whose sources are in `folder`.
pub fn references(folder: &Path) -> Vec<Reference> {
    let files = files(folder);
    let modules: Vec<_> = files.iter().map(|file| module(folder, file)).collect();
    let mut found = Vec::new();
    for (file, module) in files.iter().zip(&modules) {
        let source = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        let mut reader = Reader { module: module.clone(), paths: Vec::new() };
        reader.visit_file(&source);
        found.extend(reader.paths.into_iter().map(|to| {
            let parent = to.len().saturating_sub(1);
            let declared = modules.iter().filter(|other| other.len() > parent && other[..parent] == to[..parent]);
            Reference {
                file: file.strip_prefix(folder).unwrap().display().to_string(),
                from: module.clone(),
                submodules: declared.map(|other| other[parent].clone()).collect(),
                to,
            }
        }));
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Maps a file to its module: `flow/submit/mod.rs` is `["flow", "submit"]`.
fn module(folder: &Path, file: &Path) -> Vec<String> {
    let path = file.strip_prefix(folder).unwrap().with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|name| name == "mod" || name == "lib") {
        parts.pop();
    }
    parts
}

struct Reader {
    /// The current module, including inline modules.
    module: Vec<String>,
    paths: Vec<Vec<String>>,
}

impl Reader {
    fn add(&mut self, parts: &[String]) {
        let Some(first) = parts.first() else { return };
        let mut to = match first.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return,
        };
        for part in parts {
            match part.as_str() {
                "crate" | "self" => {}
                "super" => drop(to.pop()),
                name => to.push(name.to_owned()),
            }
        }
        self.paths.push(to);
    }

    fn add_tree(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(before, &path.tree);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(before, item)),
            UseTree::Name(name) => self.add(&[before.as_slice(), &[name.ident.to_string()]].concat()),
            UseTree::Rename(rename) => self.add(&[before.as_slice(), &[rename.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.add(&[before.as_slice(), &["*".to_owned()]].concat()),
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1 {
            self.add(&parts);
        }
        visit::visit_path(self, path);
    }
}
