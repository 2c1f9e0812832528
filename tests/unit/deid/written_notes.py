"""Notes in the styles of many hands, written for this test; what identifies stands in {{braces}}.

The patient's own name and record number are known from the case, as they are in practice; everybody
else's are not. The last five were written after the rules and were first read by them as they were.
"""

# ruff: noqa: E501, RUF001 - notes are as long and as Chinese as they are

KNOWN_NAMES = frozenset({"Okafor^Adaeze^N", "赵国华"})
KNOWN_NUMBERS = frozenset({"H0093817"})

NOTES = (
    """ED TRIAGE {{14/02/2023}} 03:12
{{OKAFOR, Adaeze N}}  {{H0093817}}  F  DOB {{9 Sep 1956}}
c/o SOB x3/7, prod cough, T 38.9 HR 112 BP 98/54 RR 26 sats 89% RA. PMH COPD, T2DM. NKDA.
Husband {{Chidi}} ({{07700 900123}}) brought her in. GP: {{Dr Lindqvist}}, {{Oakfield Surgery}}.
Imp: ?CAP. Plan: CXR, bloods, IV co-amoxiclav. d/w med reg {{S. Patel}}.""",
    """CHEST, 2 VIEWS - {{03/22/2021}}
HISTORY: {{92}}-year-old with dyspnea. Comparison: {{March 2, 2021}}.
FINDINGS: Cardiac silhouette is enlarged. Small bilateral pleural effusions, larger on the right.
No pneumothorax. Median sternotomy wires. Left-sided ICD (serial number {{PJN417733S}}).
IMPRESSION: Findings compatible with CHF. Results called to {{Dr. Yamamoto}} at 3:15 PM.
Dictated by: {{Priya Raman}}, MD. Electronically signed by {{Thomas B. Keller}}, MD {{03/22/2021}}""",
    """Dear {{Dr Abernathy}},
Thank you for referring {{Mrs Okafor}}, whom I saw in clinic on {{the 3rd of May 2022}}. She lives
alone at {{27 Harcourt Terrace}}, {{Leeds}}, and her daughter {{Ngozi}} visits daily. She stopped
smoking in 2009 after 40 pack-years. On examination there are fine basal crackles. FEV1 1.4 L.
I have requested an HRCT at {{St James's Hospital}} and will write again.
Yours sincerely, {{Prof. Margaret O'Sullivan}}, Consultant Respiratory Physician. Tel {{0113 496 0417}}""",
    """Discharge summary. Pt: {{Adaeze Okafor}}. MRN# {{H0093817}}. Admit: {{2022-11-30}}. D/C: {{2022-12-04}}.
Attending: {{Ruth Feldman}}. PCP {{Gonzalez}}. Insurance: {{BCBS 99A-44710-22}}. SSN {{078-05-1120}}.
Hospital course: treated for RLL pneumonia with ceftriaxone and azithromycin; procalcitonin fell from
12.5 to 0.4. Platelets 412. Blood cultures no growth at 5 days. Follow-up CXR in 6 weeks.
Contact: {{adaeze.okafor56@mail.example}}. Portal {{https://portal.example.org/u/okafor56}}.
Address: {{1188 Juniper Ave Apt 4B, Dayton, OH 45402}}""",
    """Nursing note. {{Ms. Okafor}} resting comfortably, O2 2 L NC. Son {{Emeka}} at bedside, updated by
{{RN Castellano}}. Room {{412B}}. IV site clean. Pain 2/10. Will continue to monitor. - {{J. Castellano}}, RN""",
    """Radiology consult: reviewed with {{Dr. Anil Mehta}} and {{Dr. Sofia Lindgren}}. Accession {{RX20-118822}}.
8 mm nodule RUL, stable since {{11/2019}}; no growth vs outside CT from {{Mercy Regional Medical Center}}
dated {{June 2020}}. Lung-RADS 2. Next LDCT in 12 months. Device: Revolution CT, station {{CT04-WEST}}.""",
    """TELEPHONE ENCOUNTER {{4/7/22}} 1420h. Caller: {{Okafor}}'s niece. Callback {{(937) 555-0148}}. Reports fever 101.2,
green sputum. Advised ED if sats under 90. Pharmacy fax {{937-555-0199}}. IP of video visit {{192.168.4.17}}.
Vehicle: plate {{GHT 4471}} for valet. Licence no {{RV882913}}. Signed: {{K. Oyelaran}}, NP""",
    """主诉：咳嗽、发热3天。
现病史：患者{{赵国华}}，男，{{91}}岁，{{2023年2月6日}}受凉后出现咳嗽，体温39.1℃。曾在{{朝阳区中心医院}}就诊。
联系人：{{赵敏}}（女儿），电话{{13911112222}}。住院号{{0098812}}。身份证{{110105193202171234}}。
家庭住址：{{北京市海淀区中关村南大街5号}}。
胸片：右下肺斑片影，未见胸腔积液。白细胞13.2×10^9/L。诊断：社区获得性肺炎。
主治医师：{{孙丽萍}}  审核医师：{{周建国}}  {{2023-02-07}}""",
    """Autopsy not requested. The family ({{Okafor}}) was informed by {{Chaplain Moreau}}. Born in {{Enugu}}, moved to
Ohio. Occupation: retired teacher at {{Lincoln Elementary}}. Time of death 04:40 on {{2/3}}. Pacemaker explanted.""",
    """Findings: ET tube tip 4 cm above the carina. Right IJ line in SVC. Bibasilar atelectasis, May-Thurner
anatomy noted. No focal consolidation. Kerley B lines are absent. Bochdalek hernia unchanged from
{{Jan 2020}}. T7 and L2 compression fractures. Port-A-Cath in place. Ghon focus left apex.""",
    """PULMONARY CLINIC NOTE - {{Tuesday, August 9, 2022}}
Re: {{Okafor, Adaeze}} (DOB {{09/09/1956}}; chart {{0093817-2}})
Dear {{Dr. Whitcombe}}: I had the pleasure of seeing your patient {{Ms. Okafor}} today with her sister {{Ifeoma}}.
She reports NYHA III symptoms. 6MWT 310 m. BNP 812. Echo EF 35%. Current meds: furosemide 40 mg BID.
She previously followed with {{Hassan Al-Rashid}} at {{Bellevue Heart Institute}}.
Sincerely, {{Eleanor Vance}}, DO; pager {{44178}}; cc: {{M. Tran}}""",
    """CT CHEST WO CONTRAST. Exam date/time: {{2021/06/01}} 08:55. MRN {{H0093817}} ACC {{CT-21-0041776}}. Ordering: {{BRANDT, KARL}}.
Technologist {{Juarez}}. CTDIvol 6.1 mGy. Stable 4 mm LLL nodule. Coronary calcification, CAC 212.
Read by resident {{Dr. Chowdhury}}, attending {{Dr. Blum}} agrees. Sent to {{Riverside Family Practice}}, fax no. {{614.555.0177}}.""",
    """Social: born in {{Lagos}}, lives in {{Columbus}} at {{402 W. Broad St.}}, zip {{43215}}. Works at {{Kroger}}. Daughter {{Ada}} cell {{614-555-0133}}.
Health plan member ID {{W2093-88171}}. Driver's license {{RT449 218}}. Email {{ada_ok@example.net}}. Age {{ninety-three}}.""",
    """术后第2天。{{赵国华}}一般情况可，引流量50ml。{{钱}}主任查房，{{李晓燕}}护士记录。既往{{2015年8月}}于{{上海瑞金医院}}行冠脉支架。
门诊号：{{M20230098}}，联系电话：{{010-65551234}}。检查日期：{{2023/02/09}}。报告：{{吴敏}}。""",
    """Follow-up call {{11 Oct}}: {{Adaeze}} feels better. {{Oct. 20th}} visit booked w/ {{Lindqvist}}. HbA1c 7.1%, eGFR 58, LDL 2.1 mmol/L.""",
)
