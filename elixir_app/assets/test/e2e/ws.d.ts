declare module "ws" {
  export const WebSocket: new (endpoint: string) => object;
}
