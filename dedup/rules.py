"""General patterns of English news pages: what is not the article's own text, whatever the outlet.

One row a pattern. Each was written for lines of that kind met in news pages, and narrowed where it met prose.
"""

from __future__ import annotations

import re
from typing import Any

from dedup.credits import AGENCIES, AGENCY, CREDIT_LINES, SIGNED, TAG
from dedup.screen import Pattern, Screen, pattern

# What a marked token is; the codes of boilerplate.Marks are places in here.
RULES = (
    "credit",  # who provided the text: With inputs from ..., (AP)
    "copyright",  # © 2026 ..., all rights reserved
    "signup",  # newsletters, accounts, apps, paywalls
    "support",  # donations and memberships
    "follow",  # social networks, sharing
    "comments",  # the comment form and its rules
    "contact",  # tips, corrections, addresses
    "related",  # read more, labels of links
    "disclaimer",  # no advice, affiliate links, privacy
    "advert",  # advertisement, story continues below
    "furniture",  # dates of update, tags, breadcrumbs, headings of summaries
    "about",  # the outlet or the author about themselves
    "caption",  # pictures and their credits
    "byline",  # by whom
    "subhead",  # a heading between paragraphs
    "recurs",  # learned: it recurs within the outlet
)
RECURS = RULES.index("recurs")
_SIGN = r"""(?:newsletters?|inbox|email|e-mail|alerts?|app|headlines?|updates|briefing|edition|push\snotifications
    |podcast|feed|channels?)"""
_SIGNS = """newsletter newsletters inbox email mail alert alerts app headline headlines updates briefing edition push
    podcast feed channel channels"""
_READERS = """reader readers listener listeners member members viewer viewers subscribers donations"""
_NETWORK = r"(?:facebook|twitter|whatsapp|telegram|linkedin|pinterest|reddit|email|print|copy\s+link|share"
_PICTURE = r"(?:photos?|photographs?|pictures?|images?|pic|credit|graphic|illustration|video|foto)"
# What captions say that people in a picture do, in the present, and the date on which they did.
_ACTS = """arrives attends chairs delivers walks speaks addresses waves gestures looks stands sits poses listens reacts
    smiles greets shakes answers departs boards participates holds inspects arrive attend walk speak sit pose listen
    wave gather shake participate"""
_MONTHS = """january february march april may june july august september october november december jan feb mar apr jun
    jul aug sep sept oct nov dec"""
_PICTURES = """photo photos photograph photographs picture pictures image images pic pics credit graphic illustration
    video foto"""


def _rows(name: str, *rows: tuple[str, dict[str, Any]]) -> list[Pattern]:
    return [pattern(name, expression, **needs) for expression, needs in rows]


# fmt: off
_SUPPLIED = [Pattern("credit", row.expression, row.opens, row.holds, row.also, row.least, row.most)
             for row in CREDIT_LINES]
_COPYRIGHT = _rows("copyright",
    (r"^\W*(?:©|\(c\)\s*\d{4}|copyright\b\s*(?:©|\(c\)|\d{4}|by|notice))", {"holds": "© copyright c"}),
    (r"\ball\s+rights\s+reserved\b", {"holds": "reserved"}),
    (r"""\b(?:material|content|article|text|story|report|work|image|photo)s?\b.{0,40}\b(?:may|must|can)\s*not\s+be\s+
        (?:published|reproduced|broadcast|rewritten|copied|redistributed|re-?used|republished)""",
     {"holds": "published reproduced broadcast rewritten copied redistributed reused re republished",
      "also": "may must can cannot"}),
    (r"^reproduction\b.{0,60}\b(?:prohibited|forbidden|permission)", {"opens": "reproduction"}),
)
_SIGNUP = _rows("signup",
    (rf"""^\W*(?:please\s+|click\s+here\s+to\s+|just\s+)?
        (?:subscribe|sign[\s-]?up|register|log[\s-]?in|sign[\s-]?in|unsubscribe)\b
        (?!\s+(?:for|to)\s+(?:the\s+)?(?:army|military|war|class))
        (?=.{{0,90}}\b(?:{_SIGN}|access|reading|stories|coverage|journalism|here|now|today|free|us|our|your|account|reply
        |comment)\b)""",
     {"opens": "please click just subscribe sign signup register log login signin unsubscribe",
      "holds": "subscribe sign signup register log login signin unsubscribe"}),
    (r"""^\W*(?:get|receive|want|have|find)\b.{0,60}\b(?:in|to|into|straight\s+to)\s+your\s+
        (?:e-?mail|inbox|phone|mailbox)""",
     {"opens": "get receive want have find", "holds": "email mail inbox phone mailbox", "also": "your"}),
    (rf"""^\W*(?:get|receive)\s+
        (?:our|the|a|all|more|live|breaking|daily|weekly|free|latest|top|unlimited|instant|exclusive|[A-Z][\w\u2019']+)\b
        .{{0,60}}\b{_SIGN}\b""", {"opens": "get receive", "holds": _SIGNS}),
    (r"\b(?:lands?|arrives?|delivered)\s+(?:in|to|straight\s+to|directly\s+to)\s+your\s+(?:inbox|e-?mail)",
     {"holds": "inbox email mail", "also": "land lands arrive arrives delivered"}),
    (r"^\W*(?:download|install|open|try)\s+(?:the|our)\s+(?:\w+\s+){0,3}app\b|^forward\s+(?:it|this)\s+to\s+a\s+friend",
     {"opens": "download install open try forward", "holds": "app friend"}),
    (r"^\W*(?:already|not)\s+(?:a\s+subscriber|a\s+member|registered)",
     {"opens": "already not", "holds": "subscriber member registered"}),
    (r"\bto\s+continue\s+reading\b", {"holds": "continue", "also": "reading"}),
    (r"""^\W*(?:this\s+(?:article|story|content)|comments?)\s+(?:is|are)\s+(?:\w+\s+){0,3}(?:for|to)\s+
        (?:our\s+)?(?:\w+\s+)?(?:subscribers|members)""",
     {"opens": "this comment comments", "holds": "subscribers members"}),
    (rf"""\b(?:stay|keep)\s+(?:up\s+to\s+date|informed|in\s+the\s+loop|updated|up-to-date)\b
        .{{0,50}}\b(?:with|on|by)\b.{{0,50}}\b(?:{_SIGN}|us|our|news)\b""",
     {"holds": "stay keep", "also": "date informed loop updated"}),
    (r"^\W*(?:like|enjoy(?:ing|ed)?|love)\s+(?:what\s+you|this\s+(?:story|article))",
     {"opens": "like enjoy enjoying enjoyed love", "holds": "you story article"}),
)
_SUPPORT = _rows("support",
    (r"""\b(?:is|are)\s+(?:\w+\s+)?(?:funded|supported|made\s+possible|paid\s+for|sustained)\s+by\s+
        (?:its\s+|our\s+|you|your\s+)?(?:own\s+)?(?:readers?|listeners?|members?|viewers?|subscribers|donations)\b""",
     {"holds": "funded supported possible paid sustained", "also": _READERS}),
    (r"\b(?:reader|listener|viewer|member)[\s-](?:supported|funded)\b",
     {"holds": "supported funded", "also": "reader listener viewer member"}),
    (r"""\b(?:rel(?:y|ies)|depends?)\s+on\s+(?:its|our|your)\s+
        (?:readers|listeners|members|support|subscribers|donations)""",
     {"holds": "rely relies depend depends", "also": "readers listeners members support subscribers donations"}),
    (r"""^\W*(?:please\s+)?(?:support|help\s+(?:us|support|fund))\b
        .{0,40}\b(?:journalism|reporting|newsroom|our\s+work|local\s+news)\b""",
     {"opens": "please support help", "holds": "journalism reporting newsroom work news"}),
    (r"""(?:^\W*|\b(?:consider|please|and|to|by|you\s+can)\s+)becom(?:e|ing)\s+an?\s+(?:\w+\s+)?
        (?:member|friend|supporter|subscriber|patron)\b(?=.{0,40}$|.{0,40}\b(?:today|from|now|for\s+just|us|our)\b)""",
     {"holds": "become becoming", "also": "member friend supporter subscriber patron"}),
    (r"""^\W*(?:please\s+)?(?:donate\b.{0,40}\b(?:now|today|from|here|a\s+month|monthly|to)
        |give\s+(?:now|today|from|monthly|[£$€]\d+))""", {"opens": "please donate give", "holds": "donate give"}),
    (r"""^\W*if\s+you\s+(?:value|enjoy|like|appreciate)\b.{0,80}\b(?:member|support|subscrib|donat|contribut|shar)""",
     {"opens": "if", "holds": "value enjoy like appreciate"}),
)
_FOLLOW = _rows("follow",
    (r"""^\W*(?:please\s+)?(?:follow|like|find|join|connect\s+with|add)\s+
        (?:us|@\w+|our|the\s+conversation|(?:\S+\s+){1,5}(?:on|for))\b
        .{0,80}\b(?:on|at|for|channels?|conversation|facebook|twitter|instagram|whatsapp|telegram|google|x|linkedin
        |youtube|tiktok|comments?)\b
        | ^\W*follow\b.{0,60}\b(?:on\s+
        (?:facebook|twitter|x|instagram|whatsapp|telegram|google|linkedin|youtube|tiktok|our)|@\w+)""",
     {"opens": "please follow like find join connect add"}),
    (r"""^\W*(?:share|print|email|e-mail|bookmark|save)\s+(?:this|on|via|if)\b
        (?=.{0,60}$|.{0,30}\b(?:article|story|page|post|if\s+you))""",
     {"opens": "share print email e bookmark save", "holds": "this on via if"}),
    (rf"^\W*{_NETWORK})(?:\W+{_NETWORK}|x|tweet))*\W*$",
     {"opens": "facebook twitter whatsapp telegram linkedin pinterest reddit email print copy share", "most": 20}),
    (r"^\W*(?:watch|listen)\s+(?:live|to\s+the\s+(?:podcast|episode|full)|the\s+(?:full\s+)?(?:video|interview|clip))\b",
     {"opens": "watch listen", "holds": "live podcast episode full video interview clip"}),
)
_COMMENT = "comment comments"
_COMMENTS = _rows("comments",
    (r"""^\W*(?:leave|post|add|write|view|read|show|join|see|load)\s+(?:a\s+|your\s+|all\s+|the\s+|more\s+)?(?:\d+\s+)?
        (?:comments?|repl(?:y|ies)|discussion)\b""",
     {"opens": "leave post add write view read show join see load", "holds": f"{_COMMENT} reply replies discussion"}),
    (r"^\W*(?:\d+\s+)?comments?\b\W*(?:\(\d+\))?$", {"holds": _COMMENT, "most": 3}),
    (r"^\W*(?:reader\s+)?comments?\s+(?:are|is|on|have|may|will|policy|section|for\s+this)\b",
     {"opens": f"reader {_COMMENT}", "holds": _COMMENT}),
    (r"\bwelcomes?\s+(?:your\s+)?(?:comments|letters|feedback)\b",
     {"holds": "welcome welcomes", "also": "comments letters feedback"}),
    (r"\be-?mail\s+address\s+will\s+not\s+be\s+published", {"holds": "address", "also": "published"}),
    (r"^\W*required\s+fields", {"opens": "required"}),
    (r"\blog\s+in\s+to\s+(?:reply|comment|post)", {"holds": "log", "also": "reply comment post"}),
    (r"^\W*letters\s+to\s+the\s+editor", {"opens": "letters"}),
    (r"^\W*what\s+do\s+you\s+think\?(?=.{0,60}(?:comment|tell|let\s+us))", {"opens": "what", "holds": "think"}),
    (r"^\W*(?:tell|let)\s+us\s+(?:know\s+)?(?:what\s+you\s+think|your|in\s+the\s+comments)",
     {"opens": "tell let", "holds": "us"}),
    (r"^\W*(?:please\s+)?(?:keep\s+it\s+civil|be\s+respectful)\b",
     {"opens": "please keep be", "holds": "civil respectful"}),
)
_CONTACT = _rows("contact",
    (r"""^(?=.*[\w.+-]@[\w-]+\.\w)(?!.*\b(?:said|told|according)\b)
        (?=.*\b(?:write|email|e-mail|contact|reach|send|message|corrections?|letters|tips?|call|queries|feedback|newsroom
        |editor|author|reporter|desk|to)\b)
        | ^\W*[\w.+-]+@[\w.-]+\.\w+\W*$""", {"holds": "@"}),
    (r"""^\W*(?:got|have|do\s+you\s+(?:have|know)|know)\b
        .{0,40}\b(?:a\s+(?:story|tip|news|question|correction|comment)|information|something\s+to\s+share|a\s+news\s+tip
        |tips?)\b.{0,30}\?.{0,80}$""", {"opens": "got have do know", "holds": "?"}),
    (r"^\W*(?:questions|tips|corrections|feedback|story\s+ideas?)\s*[?:]",
     {"opens": "questions tips corrections feedback story", "holds": ": ?"}),
    (r"""^\W*(?:message|contact|write\s+to|email|e-mail|text|call|reach|ask)\s+(?:the|our|us)\b
        .{0,60}\b(?:desk|newsroom|reporter|team|editors?|us|panel|at|on)\b""",
     {"opens": "message contact write email e text call reach ask", "holds": "the our us"}),
    (r"^\W*(?:report|notice|spotted|see)\s+(?:an?\s+)?(?:error|mistake|typo)\b",
     {"opens": "report notice spotted see", "holds": "error mistake typo"}),
    (r"\b(?:contact|reach)\s+(?:the\s+)?(?:reporter|writer|author|newsroom|this\s+reporter)\b",
     {"holds": "contact reach", "also": "reporter writer author newsroom"}),
)
_LABELS = r"""(?:also\s+read|read\s+(?:also|more|next|on|further|full|the\s+full)
    |(?:more|see|related)(?:\s+(?:also|on\s+this|stories|articles|news|coverage|topics|from|reading|content))?|related
    |trending|watch|listen|recommended(?:\s+for\s+you)?|don['\u2019]t\s+miss|must\s+read|most\s+(?:read|popular|viewed)
    |in\s+case\s+you\s+missed\s+it|icymi|you\s+(?:may|might)\s+(?:also\s+)?like|editor['\u2019]?s['\u2019]?\s+(?:picks?|choice)
    |up\s+next|further\s+reading|explainer|opinion|analysis|next|previous|also\s+see|also\s+on)"""
_RELATED = _rows("related",
    (rf"^\W*{_LABELS}\s*[:|»>→]\s*(?:\S.{{0,140}})?$",
     {"opens": """also read more see related trending watch listen recommended don't must most in icymi you editor's
        editors editor up further explainer opinion analysis next previous""", "holds": ": | »"}),
    (r"^\W*read\s+more\b(?!.*\b(?:said|says|told)\b)(?=.{0,70}$)", {"opens": "read", "holds": "more", "most": 20}),
    (r"^\W*(?:click|tap)\s+here\b", {"opens": "click tap", "holds": "here"}),
    (r"^\W*(?:read|see|find)\s+(?:the\s+)?(?:full|more|all|our)\b.{0,60}\b(?:here|coverage|story|stories|article|below)\W*$",
     {"opens": "read see find", "holds": "here coverage story stories article below", "also": "full more all our"}),
    (r"^\W*(?:related|recommended)\s+(?:stories|articles|news|content|topics|coverage|reading)\W*$",
     {"opens": "related recommended", "most": 2}),
    (r"^\W*(?:more\s+(?:stories|news|coverage|to\s+come|from|on\s+this))\b.{0,40}$",
     {"opens": "more", "holds": "stories news coverage come from on", "most": 16}),
)
_DISCLAIMER = _rows("disclaimer",
    (r"""\b(?:does|do|is|are|should|must|can)\s*(?:not|n['\u2019]t)\s+(?:be\s+)?(?:provide|constitute|give|offer
        |intended\s+(?:as|to\s+be)|considered|treated\s+as|construed\s+as|taken\s+as|a\s+substitute\s+for|an?)?\s*
        (?:as\s+)?(?:an?y?\s+)?(?:investment|legal|financial|medical|tax|professional|trading)
        (?:,?\s+(?:or|and|legal|tax|financial|investment)){0,4}\s+(?:advice|recommendation)s?""",
     {"holds": "advice recommendation recommendations"}),
    (r"\bfor\s+(?:general\s+)?information(?:al)?\s+(?:purposes\s+)?only\b",
     {"holds": "information informational", "also": "only"}),
    (r"""\b(?:carries|involves)\s+(?:a\s+)?(?:high|significant|substantial)\s+(?:level|degree|amount)?\s*(?:of\s+)?risk\b
        .{0,60}$""", {"holds": "carries involves", "also": "risk"}),
    (r"""\b(?:past\s+performance|may\s+hold\s+(?:positions|shares)|(?:views?|opinions?)\s+expressed\s+
        (?:are|in\s+(?:this|our|any|articles?|columns?|the\s+(?:article|column))|here
        |by\s+(?:the\s+)?(?:authors?|contributors|columnists)))\b""",
     {"holds": "performance hold view views opinion opinions", "also": "past may expressed"}),
    (r"""^\W*(?:disclaimer\b|transcripts?\s+(?:are|is|may)|editor['\u2019]s\s+note|correction\s*:|clarification\s*:)""",
     {"opens": "disclaimer transcript transcripts editor's correction clarification"}),
    (r"\b(?:may|can)\s+earn\s+(?:a\s+|an\s+)?(?:affiliate\s+)?commission|\baffiliate\s+links?\b|\bcookies?\s+(?:policy|settings)\b",
     {"holds": "commission affiliate cookie cookies", "also": "earn link links policy settings"}),
    (r"^\W*(?:privacy\s+policy|terms\s+(?:of\s+(?:use|service)|and\s+conditions))\b",
     {"opens": "privacy terms", "holds": "policy use service conditions"}),
)
_ADVERT = _rows("advert",
    (r"""^\W*(?:advertisement|advertorial|sponsored(?:\s+content)?|promoted|paid\s+(?:content|post)
        |(?:story|article)\s+continues(?:\s+(?:below|after).{0,40})?|ad|skip\s+ad|scroll\s+(?:down\s+)?(?:to|for).{0,30}
        |loading\W*|continue\s+reading(?:\s+below)?)\W*$""",
     {"opens": "advertisement advertorial sponsored promoted paid story article ad skip scroll loading continue",
      "most": 14}),
)
_FURNITURE = _rows("furniture",
    (r"""^\W*(?:(?:last\s+)?updated|published|posted|first\s+published|modified|created|date)(?:\s+(?:on|at|in))?\s*:?\s*
        (?=.{0,60}$)(?=.*\d)(?!.*\b(?:said|was|were|by\s+the)\b)""",
     {"opens": "last updated published posted first modified created date", "most": 20}),
    (r"^\W*(?:posted|filed)\s+(?:in|under)\s*:?\s", {"opens": "posted filed", "holds": "in under"}),
    (r"^\W*(?:tags?|topics?|categor(?:y|ies)|section|keywords)\s*:\s",
     {"opens": "tag tags topic topics category categories section keywords", "holds": ":"}),
    (r"^\W*\d+\s+min(?:ute)?s?\s+read\W*$", {"holds": "min mins minute minutes", "also": "read", "most": 4}),
    (r"^\W*(?:reading\s+time|time\s+to\s+read)\b", {"opens": "reading time", "holds": "time", "also": "reading read"}),
    (r"""^\W*(?:key\s+(?:points?|takeaways?|facts?|findings|highlights|developments)|highlights|summary|at\s+a\s+glance
        |in\s+(?:brief|short|this\s+article)|what\s+(?:to|you\s+need\s+to)\s+know|the\s+(?:key\s+)?points|tl;?dr
        |quick\s+(?:read|take)|table\s+of\s+contents|top\s+lines?|fast\s+facts)\W*$""",
     {"opens": "key highlights summary at in what the tldr tl quick table top fast", "most": 6}),
    (r"^(?:[^|•·\n]{1,40}\s[|•·]\s){1,}[^|•·\n]{1,60}$", {"holds": "|"}),
    (r"^\W*(?:back\s+to\s+top|home|menu|search|skip\s+to\s+(?:main\s+)?content|print|text\s+size)\W*$",
     {"opens": "back home menu search skip print text", "most": 4}),
    (r"^\W*(?:is|was)\s+an?\s+(?:reporter|correspondent)\b",
     {"opens": "is was", "holds": "reporter correspondent"}),
)
_ABOUT = _rows("about",
    (r"""\b(?:is|are)\s+(?:a\s+)?(?:proud\s+)?(?:member|part|partner|division|unit|subsidiary|affiliate)s?\s+of\s+
        (?:the\s+)?(?:[A-Z]\w+\s+){0,4}(?:network|group|media|alliance|trust|company|newsroom|family|consortium)\W*$""",
     {"holds": """member members part parts partner partners division divisions unit units subsidiary subsidiarys
        affiliate affiliates""", "also": "network group media alliance trust company newsroom family consortium"}),
    (r"""^(?:\S+\s+){1,6}(?:is|are)\s+an?\s+(?:\S+\s+){0,5}(?:reporter|correspondent|columnist|journalist|staff\s+writer
        |editor)\s+(?:at|for|with|based|who|covering|on)\b(?!.{120})""",
     {"holds": "reporter correspondent columnist journalist writer editor", "also": "is are"}),
    (r"\b(?:compiles|gathers|aggregates)\s+(?:its|our)\s+reports?",
     {"holds": "compiles gathers aggregates", "also": "report reports"}),
    (r"""^(?:(?-i:[A-Z])\S+\s+){2,4}(?:covers|writes\s+about|reports\s+on)\s.{0,60}\bfor\s+(?:the\s+)?
        (?-i:[A-Z])\S+(?:\s(?-i:[A-Z])\S+){0,3}\.?$""", {"holds": "covers writes reports", "also": "for"}),
)
_CAPTION = _rows("caption",
    (rf"(?:\(|\b)(?:file\s+)?{_PICTURE}(?:\s+(?:credit|by|courtesy))?\s*(?::|by\b|courtesy\b)\s*[^.\n]{{1,60}}\)?\s*$",
     {"holds": _PICTURES, "also": ": by courtesy", "most": 40, "line": True}),
    (r"""\((?:file|handout|archive|stock|reader|courtesy|undated|screengrab|screenshot|
        [A-Z][\w&.\u2019'/\ -]{0,40}\s(?:file\s+)?)\s*(?:photo|photograph|picture|image|pic|video|graphic
        |illustration)?s?
        (?:\s+(?:by|courtesy\s+of|via)\s[^)]{1,50})?\)\s*\.?$""",
     {"holds": "(…)", "also": f"{_PICTURES} videos graphics illustrations file files handout handouts archive archives"
      " stock reader readers courtesy undated screengrab screengrabs screenshot screenshots",
      "most": 40, "line": True}),
    (rf"\((?:[^()]{{1,40}}(?:/|\svia\s))?{AGENCY}\b(?:[^()]{{0,30}})?\)\s*\.?$",
     {"holds": "(…)", "also": AGENCIES, "most": 40, "line": True}),
    (r"\([A-Z][\w.\u2019'-]+(?:\s[A-Z][\w.\u2019'-]+){0,3}\s*/\s*[A-Z][\w.\u2019'\ -]{1,40}\)\s*\.?$",
     {"holds": "(…)", "also": "/", "most": 40, "line": True}),
    (rf"""\.\s+(?:(?:[A-Z]{{2,6}}|{AGENCY}|handout|reader|file|archive|courtesy|pool)\s+)(?:file\s+)?
        (?:photo|picture|image|photograph)s?\.?$""",
     {"holds": "photo photos picture pictures image images photograph photographs", "most": 40, "line": True}),
    (r"""^(?:(?:file|handout|archive|stock|undated)\s+(?:photo|picture|image|photograph)
        |(?:photo|picture|image|pictured|caption|photograph)s?\s*:|(?:photo|picture|image)\s+(?:by|shows?|from)\b
        |in\s+this\s+(?:\w+\s+){0,3}(?:file\s+)?(?:photo|image|picture|photograph))""",
     {"opens": """file handout archive stock undated photo photos picture pictures image images pictured caption
        captions photograph photographs in""",
      "holds": f"{_PICTURES} pictured caption captions", "most": 40, "line": True}),
    (rf"/(?<=[\w.\u2019'-][\w.\u2019'\s-]/)\s*(?:{AGENCY}|Getty|Shutterstock|Alamy|EPA|Bloomberg)(?:\s\w+){{0,3}}\W*$",
     {"holds": "/", "also": f"{AGENCIES} shutterstock alamy epa", "most": 40, "line": True}),
    (rf"""^(?!.*(?:[@"“?!]|\#|\b(?:said|says|told|was|were|had)\b))(?=.*\b(?:{"|".join(_ACTS.split())})\b)
        .*\b(?:(?:{"|".join(_MONTHS.split())})\.?\s\d{{1,2}},\s|\d{{1,2}}\s(?:{"|".join(_MONTHS.split())})\.?,?\s)(?:19|20)\d\d
        (?:,?\s(?:in|at|near|outside)\s[^.]{{1,60}})?\W*$""",
     {"holds": _ACTS, "also": _MONTHS, "least": 8, "most": 45, "line": True}),
    (r"(?:getty\s+images|shutterstock|alamy|imago|depositphotos|wikimedia(?:\s+commons)?|unsplash)\)?\W*$",
     {"holds": "getty shutterstock alamy imago depositphotos wikimedia unsplash", "most": 40, "line": True}),
)
_SIGNED = [pattern("credit", SIGNED, flags=re.VERBOSE, holds="[…", most=16, line=True)]
_BYLINE = [
    pattern("byline", r"""^\W*(?i:by|from|story\s+by|text\s+by)\s+(?!.*\b(?:the\s+time|noon|the\s+end|\d{4})\b)
        [A-Z][\w.\u2019'-]+
        (?:\s+(?:and\s+|&\s+|,\s*)?[A-Z][\w.\u2019'-]+){0,9}(?:\s*[,|/•—\u2013-]\s*[^.]{0,70})?$""",
        flags=re.VERBOSE, opens="by from story text", most=14, line=True),
    pattern("byline", r"""^\W*(?:\S+\s+){0,4}(?:staff(?:\s+(?:report|reporter|writer))?s?|web\s+desk|news\s+desk
        |online\s+desk|correspondent|bureau|newsroom|editorial\s+(?:team|board)|news\s+service)\W*$""",
        holds="""staff staffs report reports reporter reporters writer writers desk correspondent bureau newsroom team
        board service""", most=7, line=True),
]
_TAGGED = [pattern("caption", rf"""(?:[.?!]|^(?!.*\b(?:[Ss]aid|[Tt]old)\b).*)\s\({TAG}\)\s*$""",
    flags=re.VERBOSE, holds="(…)", least=6, most=40, line=True)]
# fmt: on
SCREEN = Screen(
    (
        *_SUPPLIED,
        *_COPYRIGHT,
        *_SIGNUP,
        *_SUPPORT,
        *_FOLLOW,
        *_COMMENTS,
        *_CONTACT,
        *_RELATED,
        *_DISCLAIMER,
        *_ADVERT,
        *_FURNITURE,
        *_ABOUT,
        *_CAPTION,
        *_SIGNED,
        *_BYLINE,
        *_TAGGED,
    )
)
