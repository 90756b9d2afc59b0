//! Process faults: counters, variables and rows that the projects of one server share by mistake.

use super::{Fault, faults};
use crate::reference::call::Operation::{self, List, SetMain};

faults! {
    Process from super::pattern::FIRST + super::pattern::ROWS.len();
    FIFTH_PROMOTION_KEEPS_MAIN "fifth-promotion-keeps-main"
        "Every fifth promotion of the server, over all projects, does not demote the previous main."
        => |config| config.done(SetMain, |step| {
            if let Some((Some(previous), _)) = step.promotion().filter(|_| step.process.promotions.is_multiple_of(5)) {
                step.project.overwrite(&previous);
            }
        });
    SIXTH_PROMOTION_DEMOTES_ELSEWHERE "sixth-promotion-demotes-elsewhere"
        "Every sixth promotion of the server demotes the main of another project instead of its own."
        => |config| config.done(SetMain, |step| {
            if let Some((Some(previous), _)) = step.promotion().filter(|_| step.process.promotions.is_multiple_of(6)) {
                step.project.overwrite(&previous);
                step.other.demote_main();
            }
        });
    SEVENTH_PROMOTION_NOT_STORED "seventh-promotion-not-stored"
        "Every seventh promotion of the server, including repeated ones, is applied only in the response."
        => |config| config.done(SetMain, |step| {
            if step.process.promotion_requests.is_multiple_of(7) {
                step.undo();
            }
        });
    MAIN_SHARED "main-shared"
        "Set-main demotes the offering that was promoted last in any project."
        => |config| config.done(SetMain, |step| {
            let Some((previous, promoted)) = step.promotion() else { return };
            let known = step.process.main.replace(promoted.id);
            if let Some(previous) = previous.filter(|previous| known.is_some_and(|known| known != previous.id)) {
                step.project.overwrite(&previous);
            }
        });
    PROJECT_SHARED "project-shared"
        "The project of a request is in a variable that the next request overwrites, with any key."
        => |config| config.interleave(&Operation::ALL, |request| Box::pin(request.in_current_project()));
    PAGE_SHARED "page-shared"
        "The page of a list is in a variable that the next list overwrites, with any key."
        => |config| config.interleave(&[List], |request| Box::pin(request.through_shared_page()));
}
