"""Templates of the demo's documents. The captions' templates (caption_phrases) share none of them."""

TITLES = (
    "{colour} {kind}: {state}",
    "Service note: {state} {colour} {kind}",
    "{kind}, {colour}: what to do about {sign}",
    "How we handle a {state} {colour} {kind}",
    "Field report, {colour} {kind}: {sign}",
)
TITLES_NEW = (
    "{colour} {kind}: {state}",
    "Acceptance note: {state} {colour} {kind}",
    "{kind}, {colour}: taken over in {state} state",
    "How to commission a {state} {colour} {kind}",
    "Incoming goods, {colour} {kind}: {sign}",
)

WHOLE = (
    "service staff reported a {state} {colour} {kind}.",
    "this note covers the {colour} {kind} when it is found {state}.",
    "on inspection the {colour} {kind} turned out to be {state}.",
    "the {kind} painted in {colour} was found {state}, showing {sign}.",
    "our {colour} {kind} came in with {sign}.",
    "use this procedure for a {colour} {kind} that has {sign}.",
    "a {kind} with {colour} housing arrived {state}.",
    "maintenance found {sign} at the {colour} {kind}.",
    "applies to: {colour} {kind}, {state}.",
    "during the round a {state} {kind} was noticed, the {colour} one.",
    "visit because of a {colour} {kind} reported as {state}.",
    "when a {colour} {kind} comes in {state}, follow these instructions.",
    "the customer sent in a {colour} {kind} showing {sign}.",
    "finding: {sign} along the {colour} {kind}.",
)

KIND_COLOUR = (
    "this sheet is about the {colour} {kind}.",
    "subject of this note: a {kind}, {colour}.",
    "object under inspection: the {kind} with the {colour} paint.",
    "the machine has a {colour} {kind} that {duty}.",
    "we were called to the {colour} {kind}.",
)
STATE = (
    "we found it {state}.",
    "the report calls it {state}.",
    "the team noted {sign}.",
    "its condition must be described as {state}.",
    "all over it we noticed {sign}.",
    "clear finding: {sign}.",
    "the inspection brought {sign} to light.",
)
KIND_STATE = (
    "service call for a {state} {kind}.",
    "the {kind} arrived {state}.",
    "the operator reported {sign} at the {kind}.",
    "this page tells you how to treat a {kind} showing {sign}.",
)
COLOUR = (
    "you recognise it by the {colour} paint.",
    "it is the {colour} one.",
    "paint of the unit: {colour}.",
    "on site look for the {colour} housing.",
)

SYMPTOM = (
    "we traced {sign} back to {cause}.",
    "typical reasons are {cause} and long service.",
    "probable reason: {cause}.",
    "look closely at the {component}, where {sign} can start.",
    "{sign} can reach the {component}.",
    "photograph {sign} before you start.",
    "if the {component} turns out to be {state} too, replace the {kind}.",
    "a {state} {kind} must be noted in the log.",
)
SYMPTOM_NEW = (
    "the delivery check confirmed {sign}.",
    "thanks to {cause} the {component} arrived {state}.",
    "compare the {component} with the drawing and confirm {sign}.",
    "keep it {state} until the day of use.",
    "a {state} {kind} must be noted in the log.",
)
REMEDY = (
    "have {remedy} ready and treat the {component} first.",
    "work with {remedy} until {sign} can no longer be seen.",
    "tools: {remedy}, a lamp, the sockets.",
    "fetch {remedy} from the store.",
    "we recommend {remedy}.",
    "with {remedy} the {kind} can be saved.",
    "carefully use {remedy} around the {component}.",
)
REMEDY_NEW = (
    "have {remedy} ready when you unpack the {component}.",
    "tools: {remedy}, a lamp, the sockets.",
    "fetch {remedy} from the store.",
    "we recommend {remedy}.",
    "carefully use {remedy} around the {component}.",
)
KIND_MORE = (
    "remember that this {kind} {duty}, so plan a stop.",
    "take out the {kind} and lay the {component} on a cloth.",
    "turn the {kind} by hand and inspect the {component}.",
    "measure the {component} and compare it with the drawing.",
    "order a spare {kind} in good time.",
    "while the {kind} is out, inspect the place around it.",
    "fit the {kind} again and tighten the screws crosswise.",
)
FILLER = (
    "switch off the power, release the pressure and lock the machine.",
    "put on safety glasses and gloves.",
    "a second person must sign the report.",
    "test for ten minutes at low speed, then at full load.",
    "repeat the inspection every three months.",
    "repeat this check once a week until the next service.",
    "after one month of operation inspect it again.",
    "the work takes two people about half an hour.",
    "only trained staff may do this job.",
    "enter date, hours and serial number in the service record.",
    "send the report to the customer and keep one copy.",
    "torque values are in the manual.",
    "compare the temperature with the values in the table.",
    "stop at once if you hear a strange noise.",
    "waste goes into the bin for old grease.",
    "let the machine get cold before you take off the cover.",
    "tell the control room before the start.",
    "the supervisor agreed to a repair at the next stop.",
    "hang a tag on the unit while it is out of service.",
    "close off the area with tape.",
    "the spare part was ordered by telephone and is due on monday.",
    "see the drawing in the upper tray of the workshop.",
    "mark its position before you take it out.",
    "do not lift it by hand, book the crane.",
    "never use a hammer here.",
    "at the end of the work reset the alarm.",
    "after that the line may run again.",
    "if the limit is reached, a spare part is cheaper than a repair.",
    "ask the supplier for the price and for the time of delivery.",
    "the night shift signed the last inspection.",
    "wipe off what is loose and let it dry.",
    "store the old part in its box for the supplier.",
)
