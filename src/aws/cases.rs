//! Amazon Connect Cases: domains, and what stands in them.

use aws_sdk_connectcases::Client;
use aws_sdk_connectcases::error::BuildError;
use aws_sdk_connectcases::operation::batch_get_case_rule::BatchGetCaseRuleOutput;
use aws_sdk_connectcases::operation::batch_get_case_rule::builders::BatchGetCaseRuleFluentBuilder;
use aws_sdk_connectcases::operation::get_layout::GetLayoutOutput;
use aws_sdk_connectcases::operation::get_template::GetTemplateOutput;
use aws_sdk_connectcases::types::{CaseRuleDetails, CaseRuleIdentifier, LayoutContent, LayoutSections, Section};

use super::edge::{At, Edge};
use super::page::{Answer, Ask, Item, Page, ask, describe, lacks, page};
use crate::catalogue::Listing;
use crate::domain::{Fault, FaultKind};

impl Edge<Client> {
    #[rustfmt::skip]
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let c = &self.client;
        Ok(match at.listing {
            Listing::CasesDomains => page!(at, c.list_domains().max_results(10), [domains], |d| {
                Item::new(Some(&d.domain_id), Some(&d.name)).arn(Some(&d.domain_arn))
            }),
            Listing::CasesFields => page!(at, c.list_fields().domain_id(at.id(0)).max_results(100), [fields], |f| {
                Item::new(Some(&f.field_id), Some(&f.name)).kind(Some(f.r#type.as_str()))
            }),
            Listing::CasesTemplates => page!(at, c.list_templates().domain_id(at.id(0)).max_results(100), [templates], |t| {
                Item::new(Some(&t.template_id), Some(&t.name))
            }),
            Listing::CasesLayouts => page!(at, c.list_layouts().domain_id(at.id(0)).max_results(100), [layouts], |l| {
                Item::new(Some(&l.layout_id), Some(&l.name))
            }),
            Listing::CaseRules => page!(at, c.list_case_rules().domain_id(at.id(0)).max_results(100), [case_rules], |r| {
                Item::new(Some(&r.case_rule_id), Some(&r.name)).kind(Some(r.rule_type.as_str()))
            }),
            Listing::CasesFieldOptions => page!(at, c.list_field_options().domain_id(at.id(0)).field_id(at.id(1)).max_results(100), [options], Item::plain),
            Listing::CasesLayoutFields => describe!(c.get_layout().domain_id(at.id(0)).layout_id(at.id(1)), layout_fields),
            Listing::CasesTemplateRules => describe!(c.get_template().domain_id(at.id(0)).template_id(at.id(1)), |o: &GetTemplateOutput| {
                o.rules.iter().flatten().map(|r| Item::plain(r).group(Some(&r.case_rule_id))).collect()
            }),
            Listing::CasesRuleValues => self.rule_values(at)?,
            other => return Err(self.not_mine(other)),
        })
    }

    /// Parent and child values of a field options rule.
    fn rule_values(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let bad = |e: BuildError| Fault::new(at.listing.qualified(), FaultKind::Other, e.to_string());
        let rule = CaseRuleIdentifier::builder().id(at.id(1)).build().map_err(bad)?;
        let request = self.client.batch_get_case_rule().domain_id(at.id(0)).case_rules(rule);
        let listing = at.listing;
        Ok(ask(request, BatchGetCaseRuleFluentBuilder::send, move |output| rule_values(listing, output)))
    }
}

fn rule_values(listing: Listing, output: &BatchGetCaseRuleOutput) -> Answer {
    if let Some(error) = output.errors.first() {
        let kind = if error.error_code == "ResourceNotFoundException" { FaultKind::NotFound } else { FaultKind::Other };
        return Err(Fault::new(listing.qualified(), kind, format!("case rule {}: {}", error.id, error.error_code)));
    }
    let rule = output.case_rules.first().ok_or_else(|| lacks(listing, "case rule"))?;
    let mut items = Vec::new();
    if let Some(CaseRuleDetails::FieldOptions(options)) = &rule.rule {
        for mapping in &options.parent_child_field_options_mappings {
            items.push(Item::plain(mapping).group(Some("parents")));
            items.extend(mapping.child_field_option_values.iter().map(|v| Item::plain(v).group(Some("children"))));
        }
    }
    Ok(Page { items, ..Page::default() })
}

fn layout_fields(output: &GetLayoutOutput) -> Vec<Item> {
    let Some(LayoutContent::Basic(layout)) = &output.content else { return Vec::new() };
    let sections = [&layout.top_panel, &layout.more_info].into_iter().flatten().flat_map(LayoutSections::sections);
    let groups = sections.filter_map(|s| if let Section::FieldGroup(group) = s { Some(group) } else { None });
    groups.flat_map(|group| group.fields.iter().map(Item::plain)).collect()
}
