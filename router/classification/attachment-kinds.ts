/** What an attachment is: media has to be looked at or listened to, code, tables and text can be read, of others nothing is known. */
export type AttachmentKind = 'media' | 'code' | 'table' | 'text' | 'other';

/** Media types that say too little: a file's name says more. */
const VAGUE_TYPES = new Set(['', 'text/plain', 'application/octet-stream', 'binary/octet-stream']);

/** Subtypes of text/* and application/*, without the prefix "x-". */
const SUBTYPES: ReadonlyMap<string, AttachmentKind> = new Map([
  // A PDF is taken for a scan: the router does not look into it.
  ...['pdf', 'vnd.ms-powerpoint', 'vnd.openxmlformats-officedocument.presentationml.presentation'].map(of('media')),
  ...['json', 'yaml', 'xml', 'rtf', 'msword', 'vnd.oasis.opendocument.text'].map(of('text')),
  ...['vnd.openxmlformats-officedocument.wordprocessingml.document'].map(of('text')),
  ...['csv', 'tab-separated-values', 'vnd.ms-excel', 'vnd.oasis.opendocument.spreadsheet'].map(of('table')),
  ...['vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'vnd.apache.parquet'].map(of('table')),
  ...['python', 'python-code', 'script.python', 'javascript', 'ecmascript', 'typescript', 'jsx', 'tsx'].map(of('code')),
  ...['c', 'csrc', 'c++', 'c++src', 'chdr', 'c++hdr', 'csharp', 'java', 'java-source', 'kotlin', 'scala'].map(
    of('code'),
  ),
  ...['go', 'rust', 'rustsrc', 'ruby', 'perl', 'php', 'httpd-php', 'swift', 'lua', 'haskell', 'r'].map(of('code')),
  ...['sh', 'shellscript', 'powershell', 'sql', 'css', 'html', 'diff', 'patch', 'makefile', 'dockerfile'].map(
    of('code'),
  ),
]);

/** Extensions of files' names. */
const EXTENSIONS: ReadonlyMap<string, AttachmentKind> = new Map([
  ...['png', 'jpg', 'jpeg', 'gif', 'webp', 'bmp', 'tif', 'tiff', 'heic', 'svg', 'pdf', 'ppt', 'pptx'].map(of('media')),
  ...['mp3', 'wav', 'flac', 'ogg', 'm4a', 'opus', 'mp4', 'mov', 'avi', 'mkv', 'webm'].map(of('media')),
  ...['txt', 'md', 'markdown', 'rst', 'log', 'json', 'yaml', 'yml', 'xml', 'doc', 'docx', 'odt', 'rtf', 'eml'].map(
    of('text'),
  ),
  ...['csv', 'tsv', 'xls', 'xlsx', 'ods', 'parquet'].map(of('table')),
  ...['py', 'ipynb', 'js', 'mjs', 'cjs', 'ts', 'jsx', 'tsx', 'vue', 'c', 'h', 'cc', 'cpp', 'hpp', 'cs'].map(of('code')),
  ...['java', 'kt', 'scala', 'go', 'rs', 'rb', 'pl', 'php', 'swift', 'lua', 'hs', 'r', 'jl', 'dart', 'ex'].map(
    of('code'),
  ),
  ...['sh', 'bash', 'ps1', 'sql', 'css', 'scss', 'html', 'diff', 'patch', 'proto', 'tf', 'gradle'].map(of('code')),
]);

function of(kind: AttachmentKind): (name: string) => readonly [string, AttachmentKind] {
  return (name) => [name, kind];
}

/** Tells what an attachment is, from its media type, and from its name where that says too little. */
export function attachmentKind(mediaType: string, name: string): AttachmentKind {
  const type = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (VAGUE_TYPES.has(type))
    return (
      EXTENSIONS.get(/\.([a-z0-9]+)$/.exec(name.toLowerCase())?.[1] ?? '') ?? (type === 'text/plain' ? 'text' : 'other')
    );
  const [family, subtype = ''] = type.split('/', 2);
  if (family === 'image' || family === 'audio' || family === 'video') return 'media';
  return SUBTYPES.get(subtype.replace(/^x-/, '')) ?? (family === 'text' ? 'text' : 'other');
}
