/** Types of install.mjs, which is plain JavaScript as it runs before anything is installed. */
export declare function platformKey(platform?: string, arch?: string, isMusl?: boolean): string;
export declare function packagesFor<Package>(
  manifest: { readonly platformPackages: Readonly<Record<string, Readonly<Record<string, Package>>>> },
  key: string,
): [string, Package][];
export declare function matchesIntegrity(bytes: Uint8Array, integrity: string | undefined): boolean;
