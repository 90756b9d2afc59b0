//! Pagination faults: pages, cursors, order.

use super::{Fault, faults};
use crate::reference::call::Operation::List;

faults! {
    Pagination from super::validation::FIRST + super::validation::ROWS.len();
    PAGE_SKIPS_ONE "page-skips-one" Scenario ["list.pages-cover" "list.has-more"]
        "A page after a cursor starts one offering too late.";
    PAGE_REPEATS_LAST "page-repeats-last" Scenario ["list.pages-cover"]
        "A page after a cursor starts with the cursor's own offering.";
    PAGE_CURSOR_IGNORED "page-cursor-ignored" Scenario ["list.pages-cover"]
        "A cursor that exists gives the first page again.";
    PAGE_COMPARES_IDS "page-compares-ids" Scenario ["list.pages-cover" "list.has-more"]
        "A page after a cursor holds the ids greater than it, whatever the order.";
    PAGE_SKIPS_TIES "page-skips-ties" Scenario ["list.pages-cover" "list.has-more"]
        "A page after a cursor starts at a later minute than the cursor's offering was made in.";
    PAGE_REVERSED_AFTER_CURSOR "page-reversed-after-cursor" Scenario ["list.pages-cover"]
        "A page after a cursor stands in reverse.";
    LAST_PAGE_LOST "last-page-lost" Scenario ["list.pages-cover" "list.has-more"]
        "Pages that are not full are never shown after a cursor.";
    HAS_MORE_ALWAYS_FALSE "has-more-always-false" Scenario ["list.has-more"]
        "`has_more` is always false.";
    HAS_MORE_ALWAYS_TRUE "has-more-always-true" Scenario ["list.has-more"]
        "`has_more` is true on the last page too.";
    HAS_MORE_WHEN_JUST_FULL "has-more-when-just-full" Scenario ["list.has-more"]
        "`has_more` is true on a last page that is just full.";
    HAS_MORE_MISSES_ONE "has-more-misses-one" Scenario ["list.has-more"]
        "`has_more` is false where only one offering follows.";
    NEXT_CURSOR_FIRST "next-cursor-first" Scenario ["list.next-cursor"]
        "`next_cursor` names the first offering of the page.";
    NEXT_CURSOR_SKIPS_ONE "next-cursor-skips-one" Scenario ["list.next-cursor"]
        "`next_cursor` names the offering after the page.";
    NEXT_CURSOR_ON_LAST_PAGE "next-cursor-on-last-page" Scenario ["list.next-cursor"]
        "`next_cursor` stands on the last page too.";
    ORDER_BY_ID "order-by-id" Scenario ["list.order"]
        "The list is ordered by id.";
    ORDER_BY_UPDATE "order-by-update" Scenario ["list.order"]
        "The list is ordered by the last update.";
    ORDER_CHANGES "order-changes" Scenario ["list.order" "list.pages-cover"]
        "Each list call turns the order by one.";
    ORDER_DEPENDS_ON_LIMIT "order-depends-on-limit" Scenario ["list.pages-cover"]
        "Pages of an odd limit stand in reverse order.";
    CURSOR_UNKNOWN_400 "cursor-unknown-400" Scenario ["list.unknown-cursor"]
        "A cursor that names nothing is answered 400.";
    CURSOR_UNKNOWN_404 "cursor-unknown-404" Scenario ["list.unknown-cursor" "response.documented-status"]
        "A cursor that names nothing is answered 404.";
    CURSOR_UNKNOWN_EMPTY "cursor-unknown-empty" Scenario ["list.unknown-cursor"]
        "A cursor that names nothing gives an empty page.";
    CURSOR_UNKNOWN_WITHOUT_HEADER "cursor-unknown-without-header" Scenario ["list.unknown-cursor"]
        "A restarted list does not say so.";
    CURSOR_UNKNOWN_HEADER_VALUE "cursor-unknown-header-value" Scenario ["list.unknown-cursor"]
        "The header of a restarted list has the value 1.";
    CURSOR_UNKNOWN_HALF_PAGE "cursor-unknown-half-page" Scenario ["list.unknown-cursor"]
        "A restarted page leaves the first offering out.";
    CURSOR_DELETED_CONTINUES "cursor-deleted-continues" Scenario ["list.unknown-cursor"]
        "A cursor that was deleted continues where it stood.";
    CURSOR_DELETED_WITHOUT_HEADER "cursor-deleted-without-header" Scenario ["list.unknown-cursor"]
        "A list restarted by a deleted cursor does not say so.";
    RESTART_HEADER_ALWAYS "restart-header-always" Scenario ["list.known-cursor-no-header"]
        "Every page says that the list was restarted.";
    RESTART_HEADER_ON_LAST_PAGE "restart-header-on-last-page" Scenario ["list.known-cursor-no-header"]
        "The last page after a cursor says that the list was restarted.";
    LIST_PRODUCTS_SORTED "list-products-sorted" Scenario ["invariant.model-agrees"]
        "The list shows products sorted."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.sort()));
    LIST_PRODUCTS_CUT "list-products-cut" Scenario ["invariant.model-agrees"]
        "The list shows at most two products of each offering."
        => |config| config.done(List, |step| step.show_rows(|row| row.product_ids.truncate(2)));
    LIST_DEMOTED_AS_NULL "list-demoted-as-null" Scenario ["list.agrees-with-get"]
        "The list shows null for tag 0."
        => |config| config.done(List, |step| step.show_rows(|row| row.tag = row.tag.filter(|tag| *tag != 0)));
    LIST_UPDATED_AT_OF_CREATION "list-updated-at-of-creation" Scenario ["list.agrees-with-get" "offering.created-at-immutable"]
        "The list shows the creation time as `updated_at`."
        => |config| config.done(List, |step| step.show_rows(|row| row.updated_at = row.created_at));
    LIST_PRODUCTS_OF_CREATION "list-products-of-creation" Scenario ["invariant.model-agrees" "update.replaces-products"]
        "The list shows the products that an offering was created with.";
}
