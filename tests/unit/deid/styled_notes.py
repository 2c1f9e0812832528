"""Notes in styles that the rules had not met, to widen them by; marked as in ``unseen_notes``."""

# ruff: noqa: E501, RUF001 - notes are as long and as Chinese as they are

KNOWN_NAMES = frozenset({"Kowalczyk^Marek^J", "刘志强"})
KNOWN_NUMBERS = frozenset({"30571946", "B20331"})

NOTES = (
    """URGENT. {{N|KOWALCZYK}} BED 7 TEMP 39.6 CXR RLL SHADOW. {{N|DUBOIS}} INFORMED 0340. CULTURES SENT. BROTHER PHONED FROM {{A|GDANSK}} NO {{P|58 555 0147}}. {{N|NIGHT SISTER HARGREAVES}}""",
    """WARD ROUND {{D|14/6}}  (Cons {{N|Vasquez}} / SpR {{N|Lim}} / FY1 {{N|Brennan}})
7  {{N|KOWALCZYK, M}}   58M   RLL CAP D2    IV>PO, ?d/c Fri
8  {{N|ADEBAYO, F}}     {{G|91}}F   CCF           furosemide 80, daily wt
9  {{N|PETROV, I}}      66M   empyema       drain 12F, swinging
10 {{N|side room}}""".replace("{{N|side room}}", "side room"),
    """Dear Dr {{N|Pemberton}} and Mr {{N|Sharma}},
DIAGNOSIS: Resolving right lower lobe pneumonia
I reviewed {{N|Marek}} today with his partner {{N|Josie}}. He has gone back to driving for {{F|Stagewell Coaches}} and feels "90 percent". Chest clear. We will see him once more in {{D|September}} with a film.
Kind regards
{{N|Ines Vasquez}}
Consultant Physician
Secretary: {{N|Mrs D Plummer}}, {{P|020 7946 0311}}, {{E|d.plummer@hospital.example}}""",
    """NAME{{N|KOWALCZYK MAREK}}
DOB{{D|19640809}}SEX M
UNIT NO{{I|30571946}}
REF BY{{N|VASQUEZ I}}
EXAM DATE{{D|20220613}}
TECH{{N|RK}}
RPT{{N|LIM SY}}""",
    """To: {{E|pacs.team@trust.example}}
From: {{N|Siew Ying Lim}}
Date: {{D|Mon, 13 Jun 2022}} 16:40:02 +0100
Subject: wrong patient label?

Dear all, the film filed under {{N|Marek Kowalczyk}} ({{I|30571946}}) at 15:02 looks like a different man, sternotomy wires and a pacemaker. I wonder if it is {{N|Mr Marcus Kowal}}, who was in the cubicle beside him. Could someone check with {{N|Abdul}} in the department, ext {{P|5512}}?
Regards, {{N|SY}}""",
    """N4me: {{N|K0walczyk, Marek}}   NH5 no {{I|943 476 5919}}   Sex: rnale
Acldress: {{A|8 Tannery Cl0se, Mil1field}}
Adrnitted {{D|l3 June 2022}}. Pyrexia and pleuritic pain 3/7.
Dr {{N|lnes Vasquez}} / Sister {{N|Hargreaves}}""",
    """门诊病历
{{N|刘志强}}，男，58岁，病历号{{I|B20331}}，{{D|2022年6月13日}}初诊。
咳嗽伴右侧胸痛三天，偶有铁锈色痰。吸烟30年。妻子{{N|周敏}}代述：发病前曾出差{{A|苏州}}。
查体：T 39.6，右下肺湿啰音。外院（{{F|吴中人民医院}}）胸片示右下肺炎。
医生：{{N|梁文博}}   复诊：{{D|6月20日}}   联系手机 {{P|139-5555-0147}}""",
    """CT{{I|2206130088}} {{N|刘志强}} M/58 {{D|2022.06.13}} 16:20
右肺下叶大片实变影，内见支气管充气征；双侧胸腔未见积液。纵隔淋巴结不大。
诊断：大叶性肺炎。
报告人 {{N|孔祥宇}} 复核 {{N|莫丽华}}""",
    """请{{N|梁}}主任会诊：患者{{N|刘某}}（{{N|志强}}），工号{{I|00471}}，{{F|江南机械厂}}工人。{{D|6/13}}急诊入院，现高热不退。家属电话{{P|0512 6555 0147}}（妻）。住{{A|姑苏区平江路}}。""",
    """58M ({{N|Liu Zhiqiang}}, {{N|刘志强}} {{I|B20331}}) 大叶性肺炎 D2. Seen w/ {{N|Dr Liang}}, 家属 {{N|Zhou Min}} present. On levofloxacin. 体温 38.9, SpO2 94%. Plan: CT {{D|15/6}}, if effusion -> {{N|Kong}} for US guided tap.""",
    """pt {{N|marek k}} called again re cough. still smoking 10/day. told him 2 come in {{D|thurs 16th}}. his no is {{P|07700 900 471}}. {{N|Bren}}""",
    """Patient is a 58 year old Polish coach driver, Mr. {{N|Marek Josef Kowalczyk}}, address {{A|8 Tannery Close}}, GP {{N|Hugh Pemberton}} of {{F|Millfield Health Centre}}, next of kin {{N|Josie Banner}}, religion Catholic. Seen in resus by {{N|Brennan}} at 0310 and by {{N|Lim}} at 0425.""",
    """DISCHARGE SUMMARY
MRN|{{I|30571946}}|{{N|Kowalczyk|Marek}}|M|{{D|1964-08-09}}
ADM|{{D|2022-06-13}}|DIS|{{D|2022-06-18}}
CONS|{{N|Vasquez}}|WARD|Heron
DX|J18.1 Lobar pneumonia
RX|amoxicillin 1 g|clarithromycin 500 mg
COPY|{{N|Pemberton}}|{{F|Millfield HC}}|patient""",
    """HX: 58 yo M, fever. FILM: RLL consolidation w/ air bronchograms, no effusion. COMP: {{D|12/19/2019}}. Wet read {{N|SYL}} {{D|6/13}} 0345. Final: agree. Attending: {{N|Ines Vasquez-Ortega MD}}. Critical result? No. Job {{I|#4471902}}. T: {{D|06/13/2022}} {{N|JMB}}""",
    """Tele-ICU note. Remote intensivist {{N|Nkechi Obi MD}} (license {{I|TX-R4471}}) with bedside RN {{N|Caitlyn}} and RT {{N|Boone}}. Pt {{N|MK}}, room {{I|ICU-7}}. Call back {{P|(512) 555-0190 x22}} or {{P|1-800-555-0147}}.""",
    """MEDICATION CHART  {{N|Kowalczyk Marek}}  {{D|09/08/64}}  {{I|30571946}}  Allergies NKDA
amoxicillin 1g IV TDS   signed {{N|A Brennan}} {{D|13/6}}
paracetamol 1g PO QDS   signed {{N|A Brennan}}
enoxaparin 40mg SC OD   signed {{N|S Y Lim}} {{D|14/6}}""",
    """Occupational health: {{N|Mr Kowalczyk}} (payroll {{I|88-20417}}) may return to PCV driving on {{D|Mon 4 July}}. His licence ({{I|KOWAL608094MJ9AB}}) need not be surrendered. Manager {{N|Dale Whitlock}}, depot {{A|Millfield}}. Report by {{N|Nurse Practitioner Oyelowo}}.""",
    """Family meeting {{D|16 June}}. Present: {{N|Josie}} (partner), {{N|Tomasz}} and {{N|Ewa Kowalczyk}} (children), chaplain {{N|Fr Dominic}}, Dr {{N|Vasquez}}, CNS {{N|Hannah Pike}}. {{N|Tomasz}} asked about ICU. Contact first: {{N|Ewa}}, {{P|+48 601 555 017}}.""",
    """Outside film from {{F|Szpital Miejski w Gdyni}}, {{D|8.03.2019}}, report in Polish by lek. med. {{N|Agnieszka Wrona}}: "płuca bez zmian ogniskowych". No change in the left upper zone scar.""",
    """X-RAY No. {{I|4471/52}}. {{N|Mr. M. KOWALCZYK}}, aged 58, {{A|Millfield}}. {{D|13th June}}. Right base opaque, costo-phrenic angle obscured. For {{N|Dr. Pemberton}}. Fee paid. {{N|H. St. J. Ffoulkes}}, D.M.R.""",
    """Bronchoscopy {{D|17JUN2022}} Operator: {{N|Vasquez}}/{{N|Lim}} Nurse: {{N|Hargreaves, Dot}} Scope {{I|BF-P190 2217045}} Consent: {{N|Kowalczyk}}. RLL mucopurulent secretions, BAL 120/55 ml to micro (lab {{I|M22.017733}}). Midazolam 3 mg. Photo saved under {{I|30571946_17062022}}.""",
    """Transfer from {{F|HMP Stonebridge}}: prisoner no {{I|A4471CX}}, officers {{N|Dunn}} and {{N|Achebe}} at bedside. {{G|90}}-yr-old man, DNACPR signed {{D|2/6/22}} by {{N|Vasquez}}. RLL pneumonia.""",
    """Subject: {{N|Mum}}
Hello Dr {{N|Lim}}, thank you for looking after my mother {{N|Folasade Adebayo}} ({{G|91}}, bed 8). I land at Heathrow on {{D|Sunday}} and my number there is {{P|07700 900882}}. God bless, {{N|Tunde Adebayo}} ({{E|tunde.a@mail.example}}, {{U|facebook.com/tunde.adebayo.71}})""".replace(
        "{{N|Mum}}", "Mum"
    ).replace("{{D|Sunday}}", "Sunday"),
    """CLINICAL TRIAL ALERT subject {{I|BRX-117-0088}} enrolled {{D|01Jun2022}} (PI {{N|Vasquez}}). Contact CRA {{N|Lotte van der Meer}} {{P|+31 6 5550 1471}} before giving macrolides. Web: {{U|www.brx117.example/site/44}}""",
    """病区交班 {{D|6.14}}：7床{{N|刘志强}} 大叶性肺炎 体温38.9 已予退热；8床{{N|马秀英}} {{G|91}}岁 心衰 记出入量；9床{{N|欧阳建国}} 脓胸 引流通畅约200ml。夜班：{{N|小吴}}、{{N|贺倩}}。""",
    """转诊单  转出：{{F|平江街道卫生服务中心}}  转入：{{F|市一院}}  患者 {{N|刘志强}} 社保卡 {{I|320508196408091234}} 现住 {{A|平江新村12栋301}} 经治 {{N|苏雅}}（{{P|65550147}}） 日期 {{D|2022-6-13}}""",
    """Interpreter ID {{I|44712}}. Mr {{N|Liu}}'s wife, Ms {{N|Zhou}}, says he coughed since {{D|Dragon Boat holiday}}; employer {{F|Jiangnan Machinery}}; WeChat {{I|zm_0147}}.""".replace(
        "{{D|Dragon Boat holiday}}", "Dragon Boat holiday"
    ),
    """INCIDENT {{I|W-88213}}: {{D|14-06-22}} 05:10 pt in bed 7 ({{N|MK}}, {{I|30571946}}) found on floor by HCA {{N|Blessing}}. No injury. CXR repeated: no rib fracture. Informed {{N|Brennan}} and partner. Reported by {{N|Dorothy Hargreaves}}.""",
    """History. The {{G|101}} year old lady in the next bed ({{N|Ivy Tennant}}) has her photograph in the {{F|Millfield Gazette}}. Our man: RLL pneumonia, improving; CRP 340 -> 120; home {{D|Sat 18/6}} if eating. HbA1c 48, T4 14.2, eGFR > 90.""",
    """Findings: right lower lobe consolidation has cleared since the film of {{D|13 June}}. Mild bronchial wall thickening. Mitchell's plug unchanged. Swan-Ganz catheter removed. Hounsfield values not measured. Fleischner criteria do not apply. St Jude valve in place. Bourneville stigmata absent.""",
)
