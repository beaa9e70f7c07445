import { z } from 'zod';
import { authoritySchema } from './authority-schema.ts';
import { addedClasses, className, type QueryClass } from './class-schema.ts';
import { edgeSchema, sharedBreakers } from './edge-schema.ts';
import { healing, slowStart } from './healing-schema.ts';
import { healthCheck, loadBalancing, outlierDetection, retry, traffic } from './module-mesh-schema.ts';
import { adaptiveConcurrency, admission, maxPriority, tenants } from './overload-schema.ts';
import { count, fraction, identifier, port, seconds } from './scalars.ts';

export { QUERY_CLASSES, type AddedClass, type QueryClass } from './class-schema.ts';

/**
 * The configuration's form. Keys are the files' own (snake_case); times are in seconds, as in the specification.
 * Unknown keys are faults. What no schema can tell (references between modules, cycles) is in ./semantics.ts.
 */

const weight = z.number().min(0).max(100);

/** The class of each module of the product, by module id; holds where the module's file leaves query_classes out. */
export const SPECIFIED_CLASSES: ReadonlyMap<string, QueryClass> = new Map([
  ['web-development', 'CODE_GENERATION'],
  ['business-operations', 'BUSINESS_ANALYSIS'],
  ['marketing-creative', 'CREATIVE_CONTENT'],
  ['multimodal-processor', 'MULTIMODAL'],
  ['foundation', 'GENERAL'],
]);

const router = z
  .strictObject({
    replicas: count
      .max(16)
      .default(1)
      .describe(
        'Router processes behind the edge, which shares queries out among them; more than one need storage.type redis.',
      ),
    max_concurrent_requests: count
      .default(1000)
      .describe('Requests handled at the same time; more are shed with RESOURCE_EXHAUSTED.'),
    admission,
    request_timeout: seconds
      .default(30)
      .describe('Longest time for a request whose caller gives no deadline, in seconds.'),
    max_query_bytes: count.default(262_144).describe('Longest query, in bytes of UTF-8.'),
    max_attachment_bytes: count.default(20_971_520).describe('Largest sum of attachments of one request, in bytes.'),
    strategy: z
      .enum(['sequential', 'parallel', 'hedged', 'weighted_round_robin', 'adaptive'])
      .default('sequential')
      .describe('How a plan is gone through.'),
    classification: z
      .strictObject({
        confidence_threshold: fraction
          .default(0.8)
          .describe(
            'Class probability under which the query goes to the GENERAL module, the runner-up first among the fallbacks.',
          ),
        model: z
          .string()
          .min(1)
          .optional()
          .describe(
            'Classifier model made by `frontier train classifier`, relative to this file; the one that ships when left out. Classes of its own must stand in `classes`.',
          ),
        classes: addedClasses,
        second_stage: z
          .strictObject({
            enabled: z
              .boolean()
              .default(true)
              .describe(
                'Whether sentence embeddings are asked where the first stage is unsure; needs the sentence model.',
              ),
            margin: fraction
              .default(0.7)
              .describe('Difference of the two highest class probabilities under which the second stage is asked.'),
            time_budget: seconds
              .default(0.008)
              .describe('Longest wait for the second stage, in seconds; after it the first stage decides.'),
            cache_entries: count.default(4096).describe('Queries whose embeddings are kept, 1.5 KB each.'),
          })
          .prefault({})
          .describe('Second stage of the classifier.'),
      })
      .prefault({}),
    calibration: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe(
            "Whether scores are mapped to what users' judgements have shown them to be worth; judgements are counted in any case.",
          ),
      })
      .prefault({})
      .describe('Learned calibration of confidence, per module and class.'),
    selection: z
      .strictObject({
        weights: z
          .strictObject({
            quality: weight.default(0.6).describe('Learned share of good answers to the class.'),
            latency: weight.default(0.15).describe('How fast the module has answered.'),
            cost: weight.default(0.1).describe('How cheap it is beside the others.'),
            load: weight.default(0.1).describe('Free share of its places.'),
            readiness: weight.default(0.05).describe('How soon it can answer.'),
          })
          .prefault({})
          .describe('How much each counts when modules that serve a class are ranked; only proportions matter.'),
        session_tolerance: fraction
          .default(0.1)
          .describe('Difference of scores within which queries of one session_id stay at one module.'),
        outcome_log: z
          .string()
          .min(1)
          .optional()
          .describe(
            'File that outcomes are logged to for `frontier replay`, relative to storage.data_dir; no words of queries.',
          ),
        cold_start: z
          .strictObject({
            policy: z
              .enum(['wait', 'answer_warm'])
              .default('wait')
              .describe('Wait for the right module, or let a ready one of the plan answer while it is started.'),
            max_wait: seconds.default(3).describe('Expected wait from which answer_warm applies, in seconds.'),
          })
          .prefault({}),
        exploration: z
          .strictObject({
            share: fraction
              .default(0.02)
              .describe(
                'Share of queries whose order is drawn (Thompson sampling), to learn what other modules can do.',
              ),
            excluded_tenants: z
              .array(z.string().min(1))
              .default([])
              .describe('Tenants whose queries are never used for it; nor are those of critical priority.'),
          })
          .prefault({}),
      })
      .prefault({})
      .describe('How a module is chosen among those that serve a class.'),
    cache: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether accepted answers are kept for equal queries.'),
        ttl: seconds.default(300).describe('Life of an answer in the cache, in seconds.'),
        max_bytes: count.default(67_108_864).describe('Memory of the cache, in bytes.'),
        shared: z
          .boolean()
          .default(false)
          .describe('Whether answers are also kept in the store, where other routers find them.'),
        similarity: fraction
          .min(0.5)
          .optional()
          .describe('Also answers queries that are this similar, from 0.5 to 1; left out, only equal ones.'),
        similarity_by: z
          .enum(['words', 'meaning'])
          .default('words')
          .describe(
            'What makes queries similar: the same words in nearly the same form, or sentence embeddings, which need the sentence model; without it, words.',
          ),
        collapse: z
          .boolean()
          .default(false)
          .describe('Whether equal queries at the same time are answered by one call.'),
      })
      .prefault({})
      .describe('Cache of answers; never shared between tenants.'),
    rate_limit: z
      .strictObject({
        requests_per_second: z.number().positive().default(100).describe('Sustained requests a second of one user.'),
        burst: count.default(200).describe('Requests that one user may send at once.'),
      })
      .prefault({})
      .describe('Token bucket of each user.'),
  })
  .prefault({});

const communication = z
  .strictObject({
    protocols: z
      .strictObject({
        http: z
          .strictObject({
            enabled: z.boolean().default(true).describe('Whether the HTTP API is served.'),
            timeout: seconds.default(30).describe('Longest time for an HTTP request, in seconds.'),
          })
          .prefault({}),
        websocket: z
          .strictObject({
            enabled: z.boolean().default(false).describe('Whether modules may be spoken to over WebSocket.'),
          })
          .prefault({}),
        message_broker: z
          .strictObject({
            enabled: z.boolean().default(false).describe('Whether modules may be spoken to over a message broker.'),
            type: z.enum(['redis', 'rabbitmq']).default('redis').describe('Which broker.'),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({});

const dynamicLoading = z
  .strictObject({
    strategy: z
      .enum(['on_demand', 'predictive', 'preemptive', 'scheduled'])
      .default('on_demand')
      .describe('When modules are loaded.'),
    auto_load_threshold: count.default(10).describe('Requests a minute from which a module is kept loaded.'),
    idle_timeout: seconds
      .default(300)
      .describe('Time without a request after which a module above min_replicas is unloaded, in seconds.'),
    activation_timeout: seconds.default(60).describe('Longest wait for a module to become ready, in seconds.'),
    max_waiting: count.default(100).describe('Requests that may wait for one module to start; more are shed.'),
    orphan_grace: z
      .number()
      .min(0)
      .max(3_600)
      .default(60)
      .describe(
        'Time for which modules go on serving when the loader has died, until one that is started in its place takes them over, in seconds (process driver).',
      ),
    driver: z.enum(['process', 'kubernetes']).default('process').describe('What runs the replicas.'),
    kubernetes: z
      .strictObject({
        namespace: identifier.default('frontier-modules').describe('Namespace that the Kubernetes driver works in.'),
      })
      .prefault({}),
  })
  .prefault({});

const fallback = z
  .strictObject({
    max_attempts: z.int().min(1).max(10).default(3).describe('Modules tried for one request at the most.'),
    patience: z
      .strictObject({
        first_token: seconds
          .default(3)
          .describe('To the first token, in seconds; to the whole answer of a fast module.'),
        between_tokens: seconds.default(2).describe('Between two tokens, in seconds.'),
        min_tokens_per_second: z.number().min(0).default(1).describe('Least speed; 0 sets no limit.'),
        rate_window: seconds.default(2.5).describe('Time over which the speed is measured, in seconds.'),
        activation: seconds.default(5).describe('For a module to start while another one is ready, in seconds.'),
      })
      .prefault({})
      .describe(
        "How long a module is waited for while another one could answer; afterwards a module's own timeouts hold.",
      ),
    hold_back: z
      .strictObject({
        openai: z
          .enum(['risk', 'window', 'none'])
          .default('risk')
          .describe(
            'When the first token of a stream in OpenAI form is sent: "risk" holds an answer back until it is whole while the module is young or has failed lately, else for the window.',
          ),
        events: z
          .enum(['risk', 'window', 'none'])
          .default('none')
          .describe('The same for gRPC and server-sent events, whose clients can discard.'),
        tokens: count.default(32).describe('Tokens that end the window.'),
        window: seconds.default(0.3).describe('Time that ends the window, in seconds.'),
        max: seconds
          .default(10)
          .describe('Longest time that an answer is held back after its first token, in seconds.'),
      })
      .prefault({})
      .describe('How long tokens are held back, so that a failure after the first one is not seen.'),
    openai_stream_failure: z
      .enum(['no_restart', 'continue'])
      .default('no_restart')
      .describe(
        'What follows when a stream in OpenAI form breaks after tokens were sent: an error event, or the next module goes on from the partial answer.',
      ),
    retry: z
      .strictObject({
        budget: fraction
          .default(0.2)
          .describe('Retries of the same module and hedges, as a share of the requests; 0 allows none.'),
        max_cooldown: seconds.default(60).describe("Longest time that a module's retry-after is kept to, in seconds."),
      })
      .prefault({}),
    circuit_breaker: z
      .strictObject({
        failure_threshold: count.default(5).describe("Consecutive failures that open a module's breaker."),
        failure_rate: fraction.default(0.5).describe('Share of failures within the window that opens it as well.'),
        minimum_volume: count.default(20).describe('Calls within the window under which the share says nothing.'),
        window: seconds.default(30).describe('Time over which the share is measured, in seconds.'),
        open_duration: seconds
          .default(15)
          .describe('Time that a breaker stays open before it lets a probe through, in seconds.'),
        max_open_duration: seconds
          .default(25)
          .describe('The same at the most: each opening after an unsuccessful probe is twice as long, in seconds.'),
        half_open_probes: count.default(1).describe('Requests let through at the same time while half open.'),
      })
      .prefault({}),
    health_monitoring: z
      .strictObject({
        min_success_rate: fraction
          .default(0.8)
          .describe('Share of good answers under which a module goes to the end of the plan.'),
        interval: seconds.default(2).describe('Time between two health checks of a workload, in seconds.'),
      })
      .prefault({}),
    slow_start: slowStart,
    healing,
  })
  .prefault({});

const mesh = z
  .strictObject({
    mode: z
      .enum(['envoy', 'proxyless', 'istio'])
      .default('envoy')
      .describe('What carries calls from router to sidecar.'),
    trust_domain: z
      .string()
      .regex(/^[a-z0-9._-]+$/)
      .default('frontier.local')
      .describe('SPIFFE trust domain.'),
    namespace: identifier.default('default').describe('Namespace in SPIFFE ids.'),
    control_planes: z
      .array(
        z.string().regex(/^(\d{1,3}\.){3}\d{1,3}:\d{1,5}$/, 'must be an IPv4 address and a port, e.g. 10.0.0.1:18000'),
      )
      .default([])
      .describe(
        'All control planes, each as IPv4 address and port, when there are several; by default the one of this machine.',
      ),
    control_plane_address: z
      .ipv4()
      .default('127.0.0.1')
      .describe(
        'IPv4 address that the control plane listens on, with mutual TLS; beyond loopback for machines other than this one.',
      ),
    certificate_lifetime: seconds
      .default(86_400)
      .describe('Life of a workload certificate, in seconds; renewed at half of it.'),
    xds_form: z
      .enum(['sotw', 'delta'])
      .default('sotw')
      .describe(
        'Form of xDS that Envoy speaks: all of a type at each change (state of the world), or only what has changed.',
      ),
    debounce: z
      .number()
      .min(0)
      .max(10)
      .default(0.02)
      .describe('Quiet time before changed states are pushed, in seconds.'),
    debounce_max: z
      .number()
      .min(0)
      .max(60)
      .default(0.5)
      .describe('Longest delay of a change under steady churn, in seconds.'),
    fault_injection: z
      .boolean()
      .default(false)
      .describe('Whether callers may ask for delays and failures by x-envoy-fault-* headers; for tests only.'),
    authority: authoritySchema,
    shared_breakers: sharedBreakers,
    edge: edgeSchema,
  })
  .prefault({});

const network = z
  .strictObject({
    address: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address that the edge listens on; beyond loopback it needs API keys.'),
    ports: z
      .strictObject({
        edge: port.default(8000).describe('Public port: gRPC, grpc-web, HTTP.'),
        router_grpc: port.default(50_051).describe('Router, gRPC.'),
        router_http: port.default(8001).describe('Router, HTTP.'),
        mesh: port.default(15_001).describe("Envoy's mesh listener."),
        loader: port.default(50_052).describe('Loader, gRPC.'),
        control_plane: port.default(18_000).describe('Control plane: ADS and identity.'),
        envoy_admin: port.default(9901).describe("Envoy's administration page."),
      })
      .prefault({})
      .describe('0 takes a free port.'),
    router_replicas: z
      .array(
        z.strictObject({
          grpc: port.describe('Router, gRPC.'),
          http: port.describe('Router, HTTP.'),
        }),
      )
      .default([])
      .describe('Ports of the routers after the first; `frontier up` takes free ones when left out.'),
    cors_origins: z
      .array(z.string().min(1))
      .default(['*'])
      .describe('Origins that browsers may call from; "*" is any.'),
  })
  .prefault({});

/** What a role may be allowed to do. */
export const PERMISSIONS = ['route', 'read_status', 'manage_modules', 'submit_feedback'] as const;
export type Permission = (typeof PERMISSIONS)[number];

const security = z
  .strictObject({
    api_keys: z
      .array(
        z.strictObject({
          id: z.string().min(1).describe('Name of the key, for logs.'),
          hash: z
            .string()
            .regex(
              /^sha256:[0-9a-f]{64}$/,
              'must be "sha256:" and 64 hex digits; make one with: frontier config hash-key',
            )
            .describe('SHA-256 of the key.'),
          tenant: z.string().min(1).default('default').describe('Tenant that the key belongs to.'),
          subject: z.string().min(1).optional().describe("User that the key stands for; the key's id when left out."),
          roles: z
            .array(z.string().min(1))
            .min(1)
            .default(['user'])
            .describe('Roles of the key; its permissions are those of all of them.'),
        }),
      )
      .default([])
      .describe('With none, only loopback is served, and every caller is an administrator.'),
    roles: z
      .record(
        z.string().min(1),
        z.strictObject({
          permissions: z.array(z.enum(PERMISSIONS)).describe('What the role may do.'),
          modules: z.array(z.string().min(1)).default(['*']).describe('Modules that the role may use; "*" is all.'),
          max_priority: maxPriority,
        }),
      )
      .default({
        admin: { permissions: [...PERMISSIONS], modules: ['*'], max_priority: 'critical' },
        user: { permissions: ['route', 'read_status', 'submit_feedback'], modules: ['*'], max_priority: 'high' },
      })
      .describe('Roles by name; they replace the built-in ones, admin and user.'),
    tenants,
  })
  .prefault({});

const telemetry = z
  .strictObject({
    otlp_endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('OTLP/gRPC collector, e.g. http://localhost:4317.'),
    sample_ratio: fraction.default(1).describe('Share of requests that are traced.'),
    log_level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Least severe level that is logged.'),
  })
  .prefault({});

const variable = z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'must be the name of an environment variable, in capitals');
const hostAndPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):\d{1,5}$/, 'must be host:port, e.g. redis-1:6379');

const redis = z.strictObject({
  url: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe('One server, e.g. redis://localhost:6379; rediss:// is TLS.'),
  sentinel: z
    .strictObject({
      master: z.string().min(1).describe('Name of the master that they watch.'),
      nodes: z.array(hostAndPort).min(1).describe('Sentinels, as host:port.'),
      username: z.string().min(1).optional().describe('User at the sentinels.'),
      password_env: variable.optional().describe('Environment variable that holds the password at the sentinels.'),
      password_file: z.string().min(1).optional().describe('File that holds it.'),
    })
    .optional()
    .describe('A master and its replicas under Redis Sentinel.'),
  cluster: z
    .strictObject({
      nodes: z
        .array(hostAndPort)
        .min(1)
        .describe('Some of its nodes, as host:port; the others are found through them.'),
    })
    .optional()
    .describe('A Redis Cluster.'),
  username: z.string().min(1).optional().describe('User; the default one when left out.'),
  password_env: variable.optional().describe('Environment variable that holds the password.'),
  password_file: z.string().min(1).optional().describe('File that holds the password; relative to this file.'),
  database: z.int().min(0).max(1_000_000).default(0).describe('Number of the database; a cluster has 0 alone.'),
  tls: z
    .strictObject({
      ca: z.string().min(1).optional().describe("File of trusted roots in PEM; the system's own when left out."),
      cert: z.string().min(1).optional().describe("File of the client's certificate in PEM."),
      key: z.string().min(1).optional().describe('File of its key in PEM.'),
      server_name: z.string().min(1).optional().describe("Name in the server's certificate, if not that of the host."),
    })
    .optional()
    .describe('TLS; {} for TLS with all defaults.'),
  key_prefix: z.string().max(100).default('frontier:').describe('Put before every key, to share a Redis with others.'),
  command_timeout: seconds
    .default(1)
    .describe('Longest wait for an answer of Redis, in seconds; no query waits for it.'),
});

const storage = z
  .strictObject({
    data_dir: z
      .string()
      .min(1)
      .default('.frontier')
      .describe('Folder of state, logs, certificates and downloads; relative to this file.'),
    snapshot_interval: seconds.default(10).describe('Time between two snapshots of the memory store, in seconds.'),
    type: z
      .enum(['memory', 'redis'])
      .default('memory')
      .describe(
        'Where routers keep what they learn and share: in their own memory with a file beside it, or in Redis.',
      ),
    redis: redis.optional().describe('Redis, for type redis: one of url, sentinel and cluster.'),
  })
  .prefault({});

const runtime = z
  .strictObject({
    envoy_path: z.string().min(1).optional().describe('Envoy binary; looked for on PATH, then fetched, when left out.'),
    model_path: z
      .string()
      .min(1)
      .optional()
      .describe('GGUF file of the shipped language modules; fetched when left out.'),
    embedding_path: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder with model.safetensors, tokenizer.json and tokenizer_config.json of all-MiniLM-L6-v2, for the second stage of the classifier and the semantic cache; fetched when left out.',
      ),
  })
  .prefault({});

/** Form of orchestration-config.yaml. */
export const orchestrationFileSchema = z.strictObject({
  orchestration: z
    .strictObject({
      router,
      communication,
      dynamic_loading: dynamicLoading,
      fallback,
      mesh,
      network,
      security,
      telemetry,
      storage,
      runtime,
    })
    .prefault({}),
});

const cpu = z.string().regex(/^\d+(\.\d+)?m?$/, 'must be cores or millicores, e.g. "2" or "500m"');
const memory = z.string().regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/, 'must be a quantity, e.g. "512Mi"');
const resources = z.strictObject({
  cpu: cpu.optional().describe('Cores or millicores, e.g. "2" or "500m".'),
  memory: memory.optional().describe('Bytes as a quantity, e.g. "512Mi".'),
  gpu: z
    .string()
    .regex(/^\d+$/, 'must be a whole number in quotes, e.g. "1"')
    .optional()
    .describe('Devices; request and limit must be equal.'),
});

const adapter = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('grpc').describe('frontier.module.v1.ModuleService.'),
    url: z
      .url({ protocol: /^(grpc|http)$/ })
      .optional()
      .describe('Workload that runs elsewhere, e.g. grpc://host:9000.'),
  }),
  z.strictObject({
    type: z.literal('openai').describe("Any server with OpenAI's chat completions."),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Base address with its version, e.g. http://localhost:11434/v1.'),
    model: z.string().min(1).optional().describe("Model to ask for; the server's first one when left out."),
    api_key_env: z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]*$/)
      .optional()
      .describe('Environment variable that holds the API key.'),
    system_prompt: z.string().min(1).optional().describe('Put before every query.'),
    max_tokens: count.optional().describe("Longest answer, in tokens; the server's own limit when left out."),
    temperature: z.number().min(0).max(2).optional().describe("Sampling temperature; the server's own when left out."),
  }),
]);

/** Form of modules/<id>.yaml. */
export const moduleSpecSchema = z.strictObject({
  module_id: identifier.describe("Name of the module, unique; by custom also the file's name."),
  description: z.string().optional().describe('What the module is good for, for people.'),
  image: z.string().min(1).optional().describe('Container image of the workload (Kubernetes driver).'),
  query_classes: z
    .array(className)
    .default([])
    .describe(
      'Classes that the module answers: CODE_GENERATION, BUSINESS_ANALYSIS, CREATIVE_CONTENT, MULTIMODAL, GENERAL and those of router.classification.classes; several modules may share one. Left out, a module of the product has its own.',
    ),
  fallbacks: z.array(identifier).default([]).describe('Modules tried, in order, when this one fails.'),
  dependencies: z.array(identifier).default([]).describe('Modules that must be ready first.'),
  adapter: adapter.default({ type: 'grpc' }).describe('How the sidecar speaks to the workload.'),
  workload: z
    .strictObject({
      command: z
        .array(z.string().min(1))
        .min(1)
        .describe('Program and arguments (process driver); it serves on the port in $PORT.'),
      env: z
        .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
        .default({})
        .describe('Environment variables of the workload.'),
      working_directory: z.string().min(1).optional().describe('Relative to the configuration file.'),
    })
    .optional()
    .describe('What the loader starts; left out when adapter.url names a workload that runs elsewhere.'),
  resource_requirements: z
    .strictObject({ requests: resources.prefault({}), limits: resources.prefault({}) })
    .prefault({}),
  scaling: z
    .strictObject({
      min_replicas: z.int().min(0).max(10).default(0).describe('Replicas that are kept without any query.'),
      max_replicas: z.int().min(1).max(10).default(1).describe('Replicas at the most.'),
      target_cpu_utilization: z
        .int()
        .min(1)
        .max(100)
        .default(70)
        .describe('CPU use at which replicas are added, in percent.'),
    })
    .prefault({}),
  concurrency: z
    .strictObject({
      max_in_flight: count.default(4).describe('Queries that one replica handles at the same time.'),
      max_queued: z.int().min(0).default(32).describe('Queries that wait at one replica; more are refused.'),
      adaptive: adaptiveConcurrency,
    })
    .prefault({}),
  in_flight_limits: z
    .strictObject({
      max_connections: count.default(1024).describe('Connections to the module.'),
      max_pending_requests: count.default(1024).describe('Requests that wait for a connection.'),
      max_requests: count.default(4096).describe('Requests at the same time.'),
      max_retries: count.default(16).describe('Retries at the same time.'),
    })
    .prefault({})
    .describe('Limits that Envoy holds for the module as a whole (its circuit_breakers).'),
  load_balancing: loadBalancing,
  outlier_detection: outlierDetection,
  health_check: healthCheck,
  retry,
  traffic,
  timeouts: z
    .strictObject({
      connect: seconds.default(1).describe('To connect to a replica, in seconds.'),
      request: seconds.default(30).describe('One attempt, in seconds.'),
      first_token: seconds.default(15).describe('From the start of an attempt to its first token, in seconds.'),
      between_tokens: seconds.default(15).describe('Between two tokens of an answer, in seconds.'),
      min_tokens_per_second: z
        .number()
        .min(0)
        .default(0)
        .describe('Speed under which an answer counts as a failure; 0 sets no limit.'),
      rate_window: seconds.default(4).describe('Time over which the speed is measured, in seconds.'),
      readiness: seconds.default(60).describe('From start to ready, in seconds.'),
      drain: seconds.default(20).describe('Longest wait for queries in flight when a replica is stopped, in seconds.'),
      stream_idle: seconds
        .default(300)
        .describe(
          'Longest silence on a call before the mesh ends it, in seconds; a model may think before its first token.',
        ),
      max_connection_duration: seconds
        .optional()
        .describe('Age at which a connection to a replica is replaced, in seconds; what runs on it ends first.'),
    })
    .prefault({}),
  confidence_threshold: fraction.default(0.3).describe('Score under which an answer counts as a failure.'),
  circuit_breaker: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the module has a breaker.'),
      failure_threshold: count.optional().describe('Consecutive failures that open it.'),
    })
    .prefault({})
    .describe('Overrides fallback.circuit_breaker for this module.'),
  price: z
    .strictObject({
      per_request: z.number().min(0).default(0).describe('Of each answer.'),
      per_1k_prompt_tokens: z.number().min(0).default(0).describe('Of 1000 tokens of the query.'),
      per_1k_completion_tokens: z.number().min(0).default(0).describe('Of 1000 tokens of the answer.'),
    })
    .prefault({})
    .describe('Cost model, in a currency of your choice.'),
  capabilities: z
    .strictObject({
      media_types: z
        .array(z.string().regex(/^[a-z*]+\/[a-z0-9.+*-]+$/i))
        .default([])
        .describe('Attachments accepted, e.g. "image/*".'),
      requires_attachment: z
        .boolean()
        .default(false)
        .describe('Whether a query without an attachment is of no use to the module.'),
      context_tokens: count.optional().describe('Longest query and answer together, in tokens.'),
    })
    .prefault({}),
  idle_timeout: seconds.optional().describe('Overrides dynamic_loading.idle_timeout.'),
  schedule: z
    .array(
      z.strictObject({
        cron: z.string().min(1).describe('When it begins, as a cron expression.'),
        replicas: z.int().min(0).max(10).describe('Replicas from then on.'),
        duration: seconds.optional().describe('How long, in seconds; until the next entry when left out.'),
      }),
    )
    .default([])
    .describe('Replicas by the time of day.'),
});

export type Orchestration = z.output<typeof orchestrationFileSchema>['orchestration'];
export type ModuleSpec = z.output<typeof moduleSpecSchema>;
export type ModuleSpecInput = z.input<typeof moduleSpecSchema>;
export type MeshMode = Orchestration['mesh']['mode'];

/** The whole configuration, checked. */
export interface FrontierConfig {
  readonly orchestration: Orchestration;
  /** Ordered by module_id. */
  readonly modules: readonly ModuleSpec[];
  /** What is accepted but has no effect yet, one sentence each. */
  readonly warnings: readonly string[];
  /** Folder of orchestration-config.yaml, against which relative paths are resolved. Absolute. */
  readonly rootDir: string;
  /** `storage.data_dir`, absolute. */
  readonly dataDir: string;
  /** Files that were read, absolute; what a reload watches. */
  readonly sources: readonly string[];
}
