import type { QueryClass } from '../../core/config/schema.ts';

/**
 * Evidence of single words and phrases for a class, in log-odds: rows of [weight, terms]. Terms are parted by commas, the
 * words of a phrase by spaces; a plural "s" need not be listed. Each term counts once in a query.
 */
export const TERM_WEIGHTS: Readonly<Record<QueryClass, readonly (readonly [number, string])[]>> = {
  CODE_GENERATION: [
    [
      4.5,
      'write code, source code, code snippet, unit test, stack trace, pull request, regular expression, sql query, shell script, bash command, shell one, code for, this code, one liner',
    ],
    [
      4,
      'python, javascript, typescript, java, kotlin, golang, haskell, php, perl, bash, sql, html, css, regex, c#, c++, powershell, django, react component, node.js, dockerfile, webpage, latex',
    ],
    [
      3,
      'function, algorithm, compile, compiler, refactor, debug, codebase, coder, coding, programming, programmer, rest api, api endpoint, endpoint, segfault, exception, typeerror, traceback, leetcode, docstring, recursive, recursion, boolean, linked list, binary tree, hash map, kubernetes, json schema, terraform, crud, next.js, vue, postgres, postgresql, mysql, css grid, npm, git, unit tests, junit, pytest',
    ],
    [
      2,
      'code, script, program, bug, array, tuple, string, integer, class method, api, css class, json, xml, yaml, implement, backend, frontend, web app, website, rust, ruby, swift, swiftui, scala, lua, matlab, in go, in c, in r, lambda, async, variable, loop, substring, dictionary, data structure, sort, grep, awk, directory, directories, factorial, fibonacci, prime number, palindrome, spring boot, component, click handler, database',
    ],
    [
      1,
      'build, parse, input, output, element, elements, method, reverse, reverses, returns, return, command, file, files, query, snippet, library, framework, object, matrix, test, server, signature, login form',
    ],
  ],
  BUSINESS_ANALYSIS: [
    [
      4,
      'financial performance, market analysis, swot, swot analysis, gross margin, operating margin, break even, balance sheet, cash flow, cash flows, market share, unit economics, churn rate, return on investment, net income, business model, competitive analysis, financial statement, financial statements, income statement, annual report, sales forecast, go to market, customer acquisition cost, business case, pricing strategy, profit margin, working capital, due diligence, operating expense, operating expenses',
    ],
    [
      3,
      'revenue, profit, profitability, ebitda, earnings, quarterly, forecast, roi, kpi, valuation, dcf, wacc, cagr, fiscal, cogs, arr, mrr, cac, ltv, churn, stakeholder, shareholder, shareholders, investor, quarter, 10-k, 10-q, pestle, porter, dividend, dividends, amortization, depreciation, receivable, receivables, payable, inventory turnover, market size, market segment, tam, acquisition, acquisitions, p&l, okr, roadmap prioritization',
    ],
    [
      2,
      'financial, business, sales, market, margin, margins, expense, expenses, cost, costs, budget, growth, operating, competitor, competitors, customer, customers, portfolio, company, strategy, investment, debt, equity, assets, liabilities, pricing, segment, segments, supply chain, benchmark, vendor, retention, conversion rate, product launch, tax, taxes, securities, metrics, dashboard, startup, funnel, region, capex, opex, balance',
    ],
    [
      1,
      'analyze, analyse, analysis, report, performance, trend, trends, risk, risks, compare, comparison, evaluate, assess, total, average, increase, decrease, percentage, percent, our, plan, operations, industry, quantify, month, year, fund, funds',
    ],
  ],
  CREATIVE_CONTENT: [
    [
      5,
      'slogan, tagline, haiku, limerick, sonnet, poem, short story, ad copy, landing page copy, marketing copy, blog post, product description, press release, song lyrics, fairy tale, screenplay, social media post, email copy, brand voice, brand name, creative writing, opening stanza, instagram caption, jingle, marketing email, cold email, roleplay, role play',
    ],
    [
      3.5,
      'story, lyrics, song, ballad, stanza, verse, fiction, novel, novelist, poet, poetry, rap, rapper, headline, copywriting, copywriter, storyteller, monologue, fable, scene, tweet, newsletter, promo, caption, catchy, rhyme, rhymes, script for, speech for, ode, brochure, hashtag, wedding speech, eulogy, advert, advertisement, campaign',
    ],
    [
      2,
      'creative, imagine, character, characters, narrative, fantasy, medieval, wizard, dragon, persuasive, whimsical, in the style of, brand, branding, marketing, playful, witty, humorous, essay, compose, dialogue, plot, protagonist, alien, ghost, pirate, detective, name ideas, invitation, toast, linkedin, facebook, blog, seo, bard, ancient, kingdom, mysterious',
    ],
    [
      1,
      'write, draft, craft, funny, touching, vivid, audience, emotional, inspired by, story about, you are a, coffee brand, love, dream, adventure, journey, launch',
    ],
  ],
  MULTIMODAL: [
    [
      5,
      'this image, this picture, this photo, this screenshot, this audio, this video, this recording, the image, the picture, the photo, the audio, the video, the screenshot, attached image, attached photo, an image, image of, picture of, photo of, speaker in the audio, audio clip, video clip, voice recording, speech to text, text to speech, these images, these pictures, the speaker, the recording, the chart shown, the diagram, this diagram, this chart, comic panels, my photo, my picture, scanned document, the scan, this scan, this receipt, this invoice, in the figure, the figure',
    ],
    [
      3.5,
      'image, picture, photo, photograph, photorealistic, screenshot, audio, video, ocr, voiceover, soundtrack, spectrogram, painting, illustration, transcribe, transcription, infographic, podcast, thumbnail, webcam, selfie, x-ray, mp3, mp4, png, jpeg, jpg, wav, gif, pdf file, drawing, draw me, paint, portrait of, render of, poster of, footage, clip',
    ],
    [
      2,
      'draw, visual, visually, background noise, camera, sound, voice, speech, handwriting, handwritten, diagram, chart, pixel, meme, sketch, logo, colorize, watermark, caption this, subtitle, subtitles, scanned, receipt, depicted, shown, music, object detection, melody, instrument, lighting, cinematic, render, 4k, realistic',
    ],
    [1, 'record, listen, hear, see, look, example, scene shown, color of, transcript, style'],
  ],
  GENERAL: [
    [
      2.5,
      'capital of, who invented, what year did, how old is, what time, weather, recipe, translate, meaning of, definition of, tell me a joke, how many days, which of the following, how do i, what does, how far, where can i, my card, my account, book a table, good morning, hello, hi, thank you, thanks',
    ],
    [
      1.5,
      'what is, who is, who was, when did, where is, why do, why is, explain, define, history of, difference between, how does, how do, can you tell, remind me, exchange rate, restaurant, reservation, vacation, flight, hotel, appointment, alarm, calendar, phone, timer, shopping list, synonym, spell, sentence, sentences, summarize, language, country, planet, president, science, physics, chemistry, biology, philosophy, health, doctor, exercise, cook, cooking, calories, gallon, gallons, following statement, card, top up, passport, pin',
    ],
    [
      0.8,
      'what, who, when, where, why, which, how, should i, is it, does, did, many, much, word, people, person, help, please, need, want, like, day, city, call, time, animal, law, school, food',
    ],
  ],
};

/** Log-odds of a class before anything is known of the query. */
export const PRIORS: Readonly<Record<QueryClass, number>> = {
  CODE_GENERATION: 0,
  BUSINESS_ANALYSIS: 0,
  CREATIVE_CONTENT: 0,
  MULTIMODAL: 0,
  GENERAL: 2,
};

/** Evidence of the caller's `context.domain`. */
export const DOMAIN_CLASSES: Readonly<Record<string, QueryClass>> = {
  code: 'CODE_GENERATION',
  coding: 'CODE_GENERATION',
  programming: 'CODE_GENERATION',
  software: 'CODE_GENERATION',
  web: 'CODE_GENERATION',
  business: 'BUSINESS_ANALYSIS',
  finance: 'BUSINESS_ANALYSIS',
  financial: 'BUSINESS_ANALYSIS',
  operations: 'BUSINESS_ANALYSIS',
  marketing: 'CREATIVE_CONTENT',
  creative: 'CREATIVE_CONTENT',
  content: 'CREATIVE_CONTENT',
  image: 'MULTIMODAL',
  vision: 'MULTIMODAL',
  audio: 'MULTIMODAL',
  video: 'MULTIMODAL',
  multimodal: 'MULTIMODAL',
  general: 'GENERAL',
};
