"""Notes that no rule was made from: written before the rules were widened, and read by them once.

What identifies stands in braces with the letter of its kind: N name, D date, G age over 89, P
phone, E mail, U web or network address, I number, A address or place, F facility. Of the patient the
case knows name and record number; of everybody else nothing.

Do not look at what the rules miss here and then change them: write new notes instead.
"""

# ruff: noqa: E501, RUF001 - notes are as long and as Chinese as they are

KNOWN_NAMES = frozenset({"Haddad^Leila^M", "陈玉兰"})
KNOWN_NUMBERS = frozenset({"6620418", "ZY0088213"})

NOTES = (
    # a telegram
    """STAT RE {{N|HADDAD}} MRN {{I|6620418}} STOP CXR {{D|4 FEB}} SHOWS LEFT EFFUSION STOP PLS CALL {{N|MORRISSEY}} ON {{P|2231}} BEFORE NOON STOP FAMILY FROM {{A|TRIPOLI}} ARRIVING STOP NO PNEUMOTHORAX""",
    # a ward list
    """Bed | Name | Age | Problem | To do
3A | {{N|Haddad L}} | 71 | CAP, O2 2L | repeat CXR, d/w {{N|Fitzgerald}}
3B | {{N|Ostrowski P}} | {{G|94}} | effusion | tap if sats drop
3C | {{N|Nakagawa R}} | 55 | PE | on rivaroxaban
4A | {{N|Ferreira-Lopes M}} | 63 | COPD exac | NIV, wean""",
    # a letter with a letterhead
    """{{F|THE ROYAL WENSLEYDALE}}
Department of Thoracic Medicine
{{A|Castle Hill, Brampton-on-Sea BS7 4QT}}
Our ref: {{I|TM/LH/6620418}}        Typed: {{D|17.09.22}}

Dear {{N|Colin}},
Re: {{N|Leila Haddad}}, d.o.b. {{D|23.11.50}}
Many thanks for asking me to see this pleasant retired librarian. Her spirometry shows FEV1 62 % predicted.
I am most grateful for the help of our nurse specialist {{N|Bridget Amoah}}.
With best wishes,
{{N|Tobias}}
{{N|Dr T. Wexler-Browne}}""",
    # a form in capitals
    """PATIENT SURNAME: {{N|HADDAD}}    FIRST: {{N|LEILA}}   MI: {{N|M}}
HOSP NO: {{I|6620418}}   WARD: MAPLE   CONS: {{N|R K SUBRAMANIAM}}
REQUESTED BY: {{N|J PETTIGREW}} BLEEP {{P|4471}}  DATE REQ: {{D|05/02/23}}
CLINICAL DETAILS: SOB 5 DAYS. ?PNEUMONIA. EX SMOKER. NIL ALLERGIES.
NOK: {{N|SAMIR HADDAD}} (SON) {{P|07911 123456}}""",
    # an e-mail
    """From: {{N|Jens Lindahl}} <{{E|jens.lindahl@klinik-nord.example}}>
To: radiology-desk@example
Cc: {{N|Pereira, Ana}}
Sent: {{D|Thursday, 9 February 2023}} 18:22
Subject: FW: {{N|Haddad}} film

Hi {{N|Marta}},
could you push the priors from {{F|Klinikum Bad Aibling}} to our PACS? Patient flew in on {{D|the 8th}}.
Thx, {{N|Jens}}
--
{{N|Jens Lindahl}} | Oberarzt | {{P|+49 40 555 0172}} | {{U|klinik-nord.example/pneumo}}""",
    # a scan with reading errors
    """Pat1ent: {{N|Haddad, Lei1a}}  H0SP N0 {{I|662O418}}
D.0.B. {{D|23/l1/1950}}  Date of exarn: {{D|O3/02/2O23}}
Clinica1 history: cough, rnild dyspnoea, fever 38.4
Rep0rted by Dr {{N|Arnold Quigley}}, Consu1tant Radio1ogist
No foca1 conso1idation. Heart size norrnal.""",
    # Chinese outpatient
    """姓名 {{N|陈玉兰}} 性别 女 年龄 71岁 卡号 {{I|ZY0088213}}
就诊时间 {{D|2023-02-06}} 09:14 科室 呼吸内科 接诊 {{N|郭立新}}
代诉（儿媳{{N|黄莉}}）：咳嗽、咳黄痰5天，最高体温38.7℃。
家住{{A|浦东新区张江路}}，退休教师，既往在{{F|仁济东院}}随访慢阻肺。
处理：胸片、血常规；电话随访{{P|138 0013 8000}}。""",
    # Chinese radiology
    """{{F|华山北院}}影像科 DR诊断报告
检查号：{{I|DR2302060117}} 患者：{{N|陈玉兰}} 年龄：71岁 送检医生：{{N|郭立新}}
两肺纹理增多，右下肺见斑片状密度增高影，边缘模糊，心影不大，双侧膈面光整。
印象：右下肺炎症，建议治疗后复查。
书写：{{N|沈佳琪}}／审核：{{N|陶建平}}   {{D|23年2月6日}}""",
    # mixed
    """Pt 陈玉兰 is {{N|Chen Yulan}}, 71F, transferred from {{F|Ruijin}} {{D|6/2}}. 主诉 cough + fever ×5d. Daughter-in-law {{N|Huang Li}} (微信 {{I|huangli_0417}}) interprets. CXR: RLL patchy opacity. WBC 13.4. d/w {{N|Guo}} 主任, start 莫西沙星.""",
    # a text message thread
    """[09:12] reg: hi its {{N|Priyanka}} from resp, can u look at {{N|mrs haddad}} bed 3A
[09:14] rad: sure what num
[09:14] reg: {{I|6620418}}. cxr from {{D|yesterday 3 feb}}
[09:20] rad: LLL collapse I think, no ptx. ask {{N|Oli}} to tap?
[09:21] reg: ta. my mob {{P|07911-555-018}}""",
    # dictation, as transcribed
    """this is doctor {{N|Benedetta Caruso}} dictating on patient {{N|leila haddad}} medical record number {{I|six six two zero four one eight}} date of birth {{D|november twenty third nineteen fifty}} comma the lungs are clear period new paragraph the heart is not enlarged period copy to doctor {{N|Wexler}} at {{F|wensleydale chest clinic}} end of dictation""",
    # a discharge letter with a footer
    """DISCHARGE ADVICE
Adm {{D|01-02-23}} Disch {{D|10-02-23}} LOS 9
Diagnosis: community acquired pneumonia with parapneumonic effusion, drained 650 ml
GP: {{N|Okonjo}} ({{F|Larkspur Lane Surgery}}, {{P|01555 960 122}})
Meds: amoxicillin 1 g tds 5/7, paracetamol prn
Follow up: chest clinic 6/52, CXR on arrival
Completed by {{N|F2 Dr Yusuf Adeyemi}} GMC {{I|7654321}} checked {{N|pharmacist Wu}}""",
    # a face sheet
    """ADMISSION RECORD                         Acct {{I|V00417882}}
{{N|HADDAD,LEILA M}}                         MR {{I|6620418}}
{{A|4417 Willow Bend Dr}}                      DOB {{D|11/23/1950}}  72 F
{{A|Dearborn, MI 48126}}                        SS {{I|372-44-9180}}
H: {{P|313-555-0164}}  W: none                 Rel: Muslim
Guarantor {{N|HADDAD,SAMIR}}  Ins {{I|MCR 1EG4-TE5-MK73}}
Adm Dx: PNEUMONIA      Att: {{N|LOWENSTEIN,ARI}}   Adm {{D|02/01/23}} 0214""",
    # an emergency record
    """EMS run {{I|23-004471}}: dispatched 01:22 to {{A|4417 Willow Bend}}. Pt found tripoding, RR 32, SpO2 84 RA. Hx COPD. Neb x2, CPAP 7.5. Transport to {{F|Oakwood}}. Medic {{N|D. Kowalski}} #{{I|88214}}, EMT {{N|Trujillo}}.""",
    # a progress note
    """{{D|2/4}} HD#3 Pulm. {{N|Mrs. H}} feels better. Tm 37.9, 92% on 2L. Chest tube 140 cc/24h. A/P: parapneumonic effusion, resolving. Pull tube tomorrow if <100. Discussed w/ son {{N|Samir}} and {{N|Dr. Ari Lowenstein}}. {{N|Weiss}}, PGY-3 p{{P|30417}}""",
    # a radiology report of the usual kind
    """EXAM: XR CHEST 2 VW {{D|2/1/2023 02:51 AM}}
PATIENT: {{N|Leila M Haddad}}  MRN: {{I|6620418}}  ACCESSION: {{I|9917734}}
HISTORY: shortness of breath
COMPARISON: {{D|8/2022}}
FINDINGS: Moderate left pleural effusion with adjacent opacity. Right lung clear. No pneumothorax.
IMPRESSION: Left effusion. Findings discussed with {{N|PA-C Delacroix}} in the ED at 3:05 AM.
I, {{N|Imani Osei}}, have personally reviewed the images. Workstation {{I|RADWS-0417}}.""",
    # a social work note
    """SW met with pt and her son. Pt lives with her sister {{N|Mariam}} in a ground-floor flat on {{A|Alder Walk}}, previously worked as a seamstress at {{F|Fenwick & Sons}} until 2011. Attends {{F|Masjid An-Nur}} on Fridays. Housing officer is {{N|Keeley Watts}}, {{E|k.watts@council.example}}. Case {{I|SW/23/0091}}.""",
    # a nursing handover
    """SBAR {{D|5.2.23}} 07:30 — S: {{N|Leila}} in 3A, day 4. B: pneumonia, COPD. A: obs stable, NEWS 2, slept well. R: physio with {{N|Gráinne}}, bloods, home {{D|Weds 8th}}? Handed over by {{N|SN Thompson}} to {{N|SN Bautista}}""",
    # physiotherapy
    """PHYSIO {{D|06 Feb}}: seen by {{N|Gráinne Ní Bhriain}}. Mobilised 40 m with frame, sats 91 %. Stairs tomorrow. Goal: home to {{A|Alder Walk}} with POC. Tel daughter-in-law {{N|Huda}} {{P|01555 960443}} re key safe.""",
    # a letter to the patient
    """{{D|12th February, 2023}}

{{N|Mrs L Haddad}}
{{A|Flat 2, 19 Alder Walk}}
{{A|BRAMPTON-ON-SEA}}
{{A|BS7 9LD}}

Dear {{N|Mrs Haddad}}
Your chest X-ray of {{D|1 February}} showed fluid around the left lung. Please come to clinic 4 on {{D|Monday 20 March}} at 10.15.
Quote reference {{I|6620418/CC}} if you call {{P|01555 960 100}}.
{{N|Jacqueline Pryce}}
Clinic co-ordinator""",
    # a table of contacts
    """CONTACTS
1. {{N|Samir Haddad}} | son | {{P|+961 3 555 017}} | {{E|samir_h@post.example}}
2. {{N|Huda Khoury}} | daughter-in-law | {{P|01555 960443}}
3. {{N|Father Elias Naccache}} | friend
Interpreter: {{N|Rania}} (Arabic), booked {{D|08/02}}""",
    # a lab slip
    """LAB {{I|L23-0204-1177}}  {{N|HADDAD LEILA}}  {{D|23NOV1950}}  F  LOC 3A
COLL {{D|04FEB23}} 0610 BY {{N|TEV}}
WBC 13.9 H  HGB 11.2 L  PLT 402  CRP 188 H  NA 133 L  K 4.1  CREA 71
CALLED TO {{N|SN BAUTISTA}} 0702 BY {{N|OKAFOR J}}""",
    # a device card
    """Implanted: dual chamber pacemaker, {{D|June 14 2016}}, {{F|Hopital Saint-Joseph}}, Beirut. Model Adapta, s/n {{I|PWB558213H}}. Leads {{I|LFP 117743}} / {{I|LFP 117802}}. Follow-up {{N|Dr Georges Abi-Saab}}. MR conditional.""",
    # an older report, typed
    """{{F|St Bride's Chest Hospital}}.  {{D|3.xi.1987}}.  {{N|HADDAD, Mrs. L.}}  No. {{I|C 4471}}.
P.A. film. There is calcification at the left apex in keeping with old tuberculous disease. No active lesion is seen. The heart is not enlarged.   {{N|J. D. R. Halliwell}}""",
    # pathology
    """Specimen {{I|S23-10418}} received {{D|2023.02.03}}: pleural fluid, 20 ml, straw coloured. Clinician: {{N|Amoah}}. No malignant cells. Reported {{N|H. Brandvold}}, checked {{N|Professor N. I. Sokolova}}.""",
    # a trial form
    """CRF 04 Site {{I|117}} Subject {{I|117-0042}} Initials {{N|LMH}} Visit 2 ({{D|03-Feb-2023}}). AE: pneumonia, grade 3, not related. Investigator signature: {{N|Wexler}} Date: {{D|07-Feb-2023}}""",
    # Chinese nursing
    """护理记录 {{D|2月7日}} 08:00 患者{{N|陈阿姨}}神志清，T 37.2℃，P 88次/分，R 20次/分，SpO2 95%。遵{{N|郭}}医嘱予吸氧2L/min。儿子{{N|林志远}}陪护，电话{{P|021-5555 0417}}。签名 {{N|徐丹}}""",
    # Chinese discharge
    """出院小结：{{N|陈玉兰}}，女，71岁，因“咳嗽发热5天”于{{D|二〇二三年二月六日}}入住我院呼吸三病区26床。入院后完善检查，予抗感染、化痰治疗，体温正常，{{D|2月14日}}出院。门诊随诊（周三上午{{N|郭立新}}）。身份证{{I|310104195201123421}}，通讯地址：{{A|上海市浦东新区张江路88弄7号402室}}。{{F|上海华山北院}} 呼吸科 主治：{{N|郭立新}} 住院医：{{N|何晓宇}}""",
    # English note of a Chinese ward
    """{{N|CHEN YULAN}} 71/F HKID {{I|A123456(7)}} adm {{D|6 Feb}} via A&E {{F|PYNEH}}. c/o cough. Lives w/ husband {{N|Lam Kwok-wai}} at {{A|Heng Fa Chuen}}. CXR RLZ haziness. Augmentin. MO {{N|T.F. Ng}}, AC {{N|Dr. Cheung}}""",
    # old age
    """This remarkable {{G|97}} y.o. ({{D|b. 1925}}) twin of {{N|Agnes}}, resident at {{F|Birchwood House}}, presents with a fall. Her neighbour {{N|Mr Pugh}} (himself {{G|ninety-two}}) called 999. CXR: rib fractures 6-8 L, small effusion.""",
    # free text with little structure
    """spoke w dr {{N|hennessy}} ({{F|brampton general}}) re pt {{N|haddad}} - he says ct on {{D|jan 30}} no pe, small eff. wants our opinion re vats. will d/w {{N|anil}} on mon and ring back {{P|960122 x 4471}}""",
)
