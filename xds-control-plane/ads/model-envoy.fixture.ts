import type { Resource } from '../cache/resource.ts';
import { isFullSet, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { DiscoveryResponse } from './next-response.ts';
import { onRequest } from './on-request.ts';
import { newStream } from './stream-state.ts';
import type { Form, StreamState } from './stream-state.ts';

/**
 * An Envoy by its rules, for property tests: it holds what it has acknowledged, asks for the endpoints of the clusters that
 * it holds, and answers responses in the order in which they came, each whenever it pleases. It keeps what it has when it
 * reconnects.
 */
export class ModelEnvoy {
  readonly inbox: DiscoveryResponse[] = [];
  stream: StreamState;
  private readonly form: Form;
  private readonly held = new Map<string, Map<string, Resource>>();
  private readonly sent = new Map<string, string>();
  /** Names of endpoints that the server has been told of on this stream. */
  private asked: ReadonlySet<string> = new Set();

  constructor(form: Form) {
    this.form = form;
    this.stream = newStream(form);
    this.connect();
  }

  /** Begins a new stream, as after a lost connection. */
  connect(): void {
    this.inbox.length = 0;
    this.stream = newStream(this.form);
    this.asked = new Set();
    this.sent.clear();
    this.ask(TYPE_URLS.clusters, [], [], '', undefined, true);
    this.askForEndpoints(true);
    this.ask(TYPE_URLS.listeners, [], [], '', undefined, true);
    this.ask(TYPE_URLS.routes, ['mesh'], [], '', undefined, true);
  }

  holds(typeUrl: string): Map<string, Resource> {
    const known = this.held.get(typeUrl) ?? new Map<string, Resource>();
    this.held.set(typeUrl, known);
    return known;
  }

  /** Tells whether a response has something that was not sent before on this stream, rather than only taking away. */
  isNews({ typeUrl, resources }: DiscoveryResponse): boolean {
    const news = resources.filter(({ name, version }) => this.sent.get(`${typeUrl} ${name}`) !== version);
    for (const { name, version } of news) this.sent.set(`${typeUrl} ${name}`, version);
    return news.length > 0;
  }

  openResponses(): number {
    return Math.max(0, ...this.stream.types.map(({ inFlight }) => inFlight.length));
  }

  /** Takes in and answers the oldest response that it has not looked at. */
  takeOne(refuse: boolean): void {
    const response = this.inbox.shift();
    if (response === undefined) return;
    const { typeUrl, nonce } = response;
    this.store(response, refuse);
    const names = typeUrl === TYPE_URLS.endpoints ? [...this.asked] : typeUrl === TYPE_URLS.routes ? ['mesh'] : [];
    this.ask(typeUrl, this.form === 'sotw' ? names : [], [], nonce, refuse ? 'no' : undefined, false);
    if (typeUrl === TYPE_URLS.clusters) this.askForEndpoints(false);
  }

  /** Of a response that it refuses Envoy still takes away what is gone. */
  private store({ typeUrl, resources, removed }: DiscoveryResponse, refuse: boolean): void {
    const held = this.holds(typeUrl);
    const names = new Set(resources.map(({ name }) => name));
    const gone =
      this.form === 'sotw' && isFullSet(typeUrl) ? [...held.keys()].filter((name) => !names.has(name)) : removed;
    // Envoy keeps the endpoints of a cluster that it still has.
    if (typeUrl !== TYPE_URLS.endpoints) for (const name of gone) held.delete(name);
    // Endpoints of a cluster that it has given up meanwhile are passed over: nobody watches that name any longer.
    const isWatched = (name: string): boolean =>
      typeUrl !== TYPE_URLS.endpoints || this.holds(TYPE_URLS.clusters).has(name);
    if (!refuse) for (const resource of resources) if (isWatched(resource.name)) held.set(resource.name, resource);
  }

  private askForEndpoints(isFirst: boolean): void {
    const clusters = this.holds(TYPE_URLS.clusters);
    const endpoints = this.holds(TYPE_URLS.endpoints);
    for (const name of endpoints.keys()) if (!clusters.has(name)) endpoints.delete(name);
    const names = [...clusters.keys()];
    const gone = [...this.asked].filter((name) => !clusters.has(name));
    const come = names.filter((name) => !this.asked.has(name));
    this.asked = new Set(names);
    if (!isFirst && gone.length + come.length === 0) return;
    if (this.form === 'delta') this.ask(TYPE_URLS.endpoints, come, gone, '', undefined, isFirst);
    else this.ask(TYPE_URLS.endpoints, names, [], this.lastNonce(TYPE_URLS.endpoints), undefined, isFirst);
  }

  /** Nonce of the last response that it has answered: those in the inbox it has not seen. */
  private lastNonce(typeUrl: string): string {
    const unseen = this.inbox.some((response) => response.typeUrl === typeUrl);
    return unseen ? 'old' : (this.stream.types.find((type) => type.typeUrl === typeUrl)?.lastNonce ?? '');
  }

  private ask(
    typeUrl: string,
    names: readonly string[],
    unsubscribe: readonly string[],
    nonce: string,
    refusal: string | undefined,
    isFirst: boolean,
  ): void {
    const common = { typeUrl, nonce, refusal };
    if (this.form === 'sotw') {
      onRequest(this.stream, { ...common, form: 'sotw', names });
      return;
    }
    const initialVersions = new Map(
      isFirst ? [...this.holds(typeUrl).values()].map(({ name, version }): [string, string] => [name, version]) : [],
    );
    onRequest(this.stream, { ...common, form: 'delta', subscribe: names, unsubscribe, initialVersions });
  }

  /** Clusters that its routes name and that it has not, or whose endpoints it has not. */
  brokenRoutes(): readonly string[] {
    return [...this.holds(TYPE_URLS.routes).values()]
      .flatMap(({ references }) => [...(references.get(TYPE_URLS.clusters) ?? [])])
      .filter((name) => !this.holds(TYPE_URLS.clusters).has(name) || !this.holds(TYPE_URLS.endpoints).has(name));
  }
}
